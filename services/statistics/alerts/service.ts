/** The methods of AlertsService. */
import {
  AlertDeliveryState,
  AlertRule,
  AlertState,
  type AlertsServiceService,
} from '@site11/proto/grpc/site11/statistics/v1/alerts_service.ts'
import { type Handlers, userOf } from '@site11/runtime/call.ts'
import { notFound } from '@site11/runtime/errors.ts'
import { requestMark } from '@site11/runtime/store/idempotency.ts'
import { badField } from '../resources.ts'
import type { Networks } from './address.ts'
import { toAlert, toChange } from './alert.ts'
import { sendTo } from './deliver.ts'
import { newDelivery, newWebhook, toDelivery, toWebhook, webhookUpdate } from './delivery.ts'
import { evaluate, type Query } from './evaluate.ts'
import { newRule, toRule, updateOf } from './rule.ts'
import { newSecret, sealSecret } from './secret.ts'
import { newSilence, toSilence } from './silence.ts'
import type { AlertStore } from './store.ts'

export interface AlertDeps {
  store: AlertStore
  query: Query
  networks: Networks
  /** What secrets of webhooks are sealed with. */
  key: Buffer
  /** Keys the hashes of requests that are safe to repeat. */
  secret: string
  /** Is told that there is something to look at. */
  changed(): void
  now(): Date
  /** A new UUID. */
  newId(): string
}

const { ALERT_STATE_PENDING: pending, ALERT_STATE_FIRING: firing } = AlertState

export function alertsService(deps: AlertDeps): Handlers<typeof AlertsServiceService> {
  const { store, query, networks, key, secret, changed, now, newId } = deps
  const { rules, silences, webhooks, collections } = store

  async function requireWebhooks(ids: string[]): Promise<void> {
    if (ids.length === 0) return
    const found = await collections.webhooks.find({ _id: { $in: ids } }, { projection: { _id: 1 } }).toArray()
    const missing = ids.filter(id => !found.some(({ _id }) => _id === id))
    if (missing.length > 0) throw badField('alert_rule.webhooks', `There is no webhook ${missing.join(', ')}.`)
  }

  return {
    getAlertRule: async ({ id }) => ({ alertRule: toRule(await rules.get(id)) }),

    async listAlertRules(request) {
      const { items, nextPageToken } = await rules.list(request)
      return { alertRules: items.map(toRule), nextPageToken }
    },

    async createAlertRule(request, call) {
      const { requestId, alertRule } = request
      const at = now()
      const owner = userOf(call)
      const rule = newRule(AlertRule.fromPartial(alertRule ?? {}), owner, newId(), at)
      await requireWebhooks(rule.webhooks)
      const mark = requestMark({ subject: owner, method: 'CreateAlertRule', requestId, request }, secret, at)
      const made = await rules.insert(rule, mark)
      changed()
      return { alertRule: toRule(made) }
    },

    async updateAlertRule({ alertRule, updateMask }) {
      if (!alertRule) throw new Error('The contract requires the rule.')
      await requireWebhooks(alertRule.webhooks)
      const at = now()
      const after = await rules.change(alertRule.id, alertRule.etag, at, before =>
        updateOf(before, alertRule, updateMask, at),
      )
      changed()
      return { alertRule: toRule(after) }
    },

    async deleteAlertRule({ id, etag }) {
      await rules.remove(id, etag)
      changed()
      return {}
    },

    async testAlertRule({ alertRule }, { signal }) {
      const rule = newRule(AlertRule.fromPartial({ ...alertRule, title: alertRule?.title || 'test' }), '', '', now())
      const findings = await evaluate(query, rule.condition, now(), signal)
      return { findings: findings.map(({ seen, ...rest }) => ({ ...rest, holds: seen === 'holds' })) }
    },

    async listAlerts(request) {
      const visible = request.filter === '' ? { state: { $in: [pending, firing] } } : {}
      const { items, nextPageToken } = await store.listAlerts({ ...request, visible })
      return { alerts: items.map(toAlert), nextPageToken }
    },

    async listAlertChanges(request) {
      const { items, nextPageToken } = await store.listChanges(request)
      return { alertChanges: items.map(toChange), nextPageToken }
    },

    async listAlertSilences(request) {
      const at = now()
      const { items, nextPageToken } = await silences.list(request)
      return { alertSilences: items.map(each => toSilence(each, at)), nextPageToken }
    },

    async createAlertSilence({ alertSilence }, call) {
      if (!alertSilence) throw new Error('The contract requires the silence.')
      const at = now()
      const made = await silences.insert(newSilence(alertSilence, userOf(call), newId(), at))
      changed()
      return { alertSilence: toSilence(made, at) }
    },

    async endAlertSilence({ id }) {
      const at = now()
      const after = await silences.change(id, '', at, ({ until }) => ({ until: until < at ? until : at }))
      changed()
      return { alertSilence: toSilence(after, at) }
    },

    async listAlertWebhooks(request) {
      const { items, nextPageToken } = await webhooks.list(request)
      return { alertWebhooks: items.map(toWebhook), nextPageToken }
    },

    async createAlertWebhook({ alertWebhook }) {
      if (!alertWebhook) throw new Error('The contract requires the webhook.')
      const [id, signing] = [newId(), newSecret()]
      const sealed = sealSecret(key, id, signing)
      const made = await webhooks.insert(newWebhook(alertWebhook, sealed, networks, id, now()))
      return { alertWebhook: toWebhook(made), secret: `whsec_${signing}` }
    },

    async updateAlertWebhook({ alertWebhook, updateMask }) {
      if (!alertWebhook) throw new Error('The contract requires the webhook.')
      const { id, etag } = alertWebhook
      const after = await webhooks.change(id, etag, now(), before =>
        webhookUpdate(before, alertWebhook, updateMask, networks),
      )
      return { alertWebhook: toWebhook(after) }
    },

    async deleteAlertWebhook({ id, etag }) {
      await webhooks.remove(id, etag)
      return {}
    },

    async testAlertWebhook({ id }, { signal }) {
      const webhook = await collections.webhooks.findOne({ _id: id })
      if (!webhook) throw notFound('webhook', id)
      const at = now()
      const delivery = newDelivery(id, '', '', 'test', { title: webhook.title }, at)
      const { httpStatus, error, durationMs } = await sendTo(webhook, delivery, { networks, key, now }, signal)
      const state =
        error === ''
          ? AlertDeliveryState.ALERT_DELIVERY_STATE_DELIVERED
          : AlertDeliveryState.ALERT_DELIVERY_STATE_FAILED
      const tried = { ...delivery, state, httpStatus, error, durationMs, attempts: 1, attemptTime: at, nextTime: null }
      await collections.deliveries.insertOne(tried)
      return { alertDelivery: toDelivery(tried) }
    },

    async listAlertDeliveries(request) {
      const { items, nextPageToken } = await store.listDeliveries(request)
      return { alertDeliveries: items.map(toDelivery), nextPageToken }
    },
  }
}
