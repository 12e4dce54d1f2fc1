/**
 * Alerts in MongoDB.
 *
 *   alert_rules        as RuleDocument: what users made, and how it went the last time that it looked
 *   alerts             as AlertDocument: one for each group of a rule that was ever pending; with an outbox
 *   alert_changes      as ChangeDocument: each step from state to state, for 90 days
 *   alert_silences     as SilenceDocument, until 30 days after their end
 *   alert_webhooks     as WebhookDocument; its secret is sealed, and leaves the service once, when it is made
 *   alert_deliveries   as DeliveryDocument: what webhooks are told, for 30 days
 *   alert_defaults     { _id }: the rules of the platform that were put here once, so that none that was deleted comes back
 *
 * An alert, its change and what is told of it are written in one transaction, and only over the version that was read: of two that look at the
 * same time, one writes.
 */
import {
  AlertDeliveryState,
  AlertSeverity,
  AlertState,
} from '@site11/proto/grpc/site11/statistics/v1/alerts_service.ts'
import { outboxIndex } from '@site11/runtime/events/outbox.ts'
import type { Log } from '@site11/runtime/log.ts'
import type { Store } from '@site11/runtime/store/connect.ts'
import { ensureIndexes } from '@site11/runtime/store/indexes.ts'
import type { PageTokens } from '@site11/runtime/store/page-token.ts'
import { type Collection, type Document, MongoServerError } from 'mongodb'
import { createResources, type List, type Page, page, type Resources } from '../resources.ts'
import type { AlertDocument, ChangeDocument, Outcome } from './alert.ts'
import { type DeliveryDocument, deliveriesOf, type WebhookDocument } from './delivery.ts'
import type { RuleDocument } from './rule.ts'
import type { SilenceDocument } from './silence.ts'

export interface AlertStore {
  rules: Resources<RuleDocument>
  silences: Resources<SilenceDocument>
  webhooks: Resources<WebhookDocument>
  listAlerts(list: List<AlertDocument>): Promise<Page<AlertDocument>>
  listChanges(list: List<ChangeDocument>): Promise<Page<ChangeDocument>>
  listDeliveries(list: List<DeliveryDocument>): Promise<Page<DeliveryDocument>>
  /** Writes what has become of an alert. @returns whether it was still as it was read. */
  write(outcome: Outcome): Promise<boolean>
  collections: {
    rules: Collection<RuleDocument>
    alerts: Collection<AlertDocument>
    silences: Collection<SilenceDocument>
    webhooks: Collection<WebhookDocument>
    deliveries: Collection<DeliveryDocument>
    defaults: Collection<{ _id: string }>
  }
}

const day = 86_400
const duplicate = 11000
const newest = (path: string) => ({ path, direction: -1 }) as const
const named = (names: object, prefix: string) =>
  Object.fromEntries(
    Object.entries(names).flatMap(([name, value]: [string, unknown]) =>
      typeof value === 'number' && value > 0 ? [[name.replace(prefix, ''), value]] : [],
    ),
  )
const text = (path: string) => ({ type: 'string', path }) as const
const time = (path: string) => ({ type: 'timestamp', path }) as const
const severity = { type: 'enum', path: 'severity', values: named(AlertSeverity, 'ALERT_SEVERITY_') } as const
const state = (path: string) => ({ type: 'enum', path, values: named(AlertState, 'ALERT_STATE_') }) as const

export async function createAlertStore({ client, db }: Store, tokens: PageTokens, log: Log): Promise<AlertStore> {
  const collections: AlertStore['collections'] = {
    rules: db.collection<RuleDocument>('alert_rules'),
    alerts: db.collection<AlertDocument>('alerts'),
    silences: db.collection<SilenceDocument>('alert_silences'),
    webhooks: db.collection<WebhookDocument>('alert_webhooks'),
    deliveries: db.collection<DeliveryDocument>('alert_deliveries'),
    defaults: db.collection<{ _id: string }>('alert_defaults'),
  }
  const changes = db.collection<ChangeDocument>('alert_changes')
  const { alerts, deliveries } = collections
  await ensureIndexes<AlertDocument>(
    alerts,
    [
      outboxIndex,
      { name: 'by-change-time', key: { changeTime: 1, _id: 1 } },
      { name: 'by-rule', key: { rule: 1, state: 1 } },
      { name: 'age', key: { expireTime: 1 }, expireAfterSeconds: 0 },
    ],
    log,
  )
  await ensureIndexes<ChangeDocument>(
    changes,
    [
      { name: 'by-time', key: { time: 1, _id: 1 } },
      { name: 'by-rule', key: { rule: 1, time: 1 } },
      { name: 'age', key: { time: -1 }, expireAfterSeconds: 90 * day },
    ],
    log,
  )
  await ensureIndexes<DeliveryDocument>(
    deliveries,
    [
      { name: 'by-create-time', key: { createTime: 1, _id: 1 } },
      { name: 'by-next-time', key: { nextTime: 1 } },
      { name: 'age', key: { createTime: -1 }, expireAfterSeconds: 30 * day },
    ],
    log,
  )
  const about = { title: text('title'), create_time: time('createTime') }
  const paused = { type: 'bool', path: 'paused' } as const
  const rules = await createResources(collections.rules, {
    kind: 'alert rule',
    ...{ tokens, log, order: newest('updateTime'), most: 200 },
    fields: { ...about, severity, paused, update_time: time('updateTime') },
    indexes: [{ name: 'due', key: { dueTime: 1 } }],
  })
  const silences = await createResources(collections.silences, {
    kind: 'silence',
    ...{ tokens, log, order: newest('createTime'), most: 1000 },
    fields: { owner: text('owner'), until: time('until'), create_time: time('createTime') },
    indexes: [{ name: 'age', key: { until: 1 }, expireAfterSeconds: 30 * day }],
  })
  const webhooks = await createResources(collections.webhooks, {
    kind: 'webhook',
    ...{ tokens, log, order: newest('createTime'), most: 100 },
    fields: { ...about, paused },
  })
  const alertFields = { rule: text('rule'), severity, state: state('state'), change_time: time('changeTime') }
  const changeFields = { alert: text('alert'), rule: text('rule'), severity, to: state('to'), time: time('time') }
  const deliveryFields = {
    ...{ webhook: text('webhook'), alert: text('alert'), rule: text('rule'), create_time: time('createTime') },
    state: { type: 'enum', path: 'state', values: named(AlertDeliveryState, 'ALERT_DELIVERY_STATE_') },
  } as const

  return {
    ...{ rules, silences, webhooks, collections },
    listAlerts: list => page(alerts, { tokens, fields: alertFields, order: newest('changeTime') }, list),
    listChanges: list => page(changes, { tokens, fields: changeFields, order: newest('time') }, list),
    listDeliveries: list => page(deliveries, { tokens, fields: deliveryFields, order: newest('createTime') }, list),

    async write(outcome) {
      const { before, after, change, events, tell } = outcome
      const { _id, ...fields } = after
      const which = { _id, version: before?.version ?? 0 }
      const update: Document = {
        $set: fields,
        ...(events.length > 0 && { $push: { outbox: { $each: events } } }),
      }
      if (!change && !tell) return (await alerts.updateOne(which, update)).matchedCount === 1
      const told = tell ? await deliveriesOf(collections.webhooks, after, tell) : []
      return client
        .withSession(session =>
          session.withTransaction(
            async () => {
              if (before) {
                const { matchedCount } = await alerts.updateOne(which, update, { session })
                if (matchedCount === 0) return false
              } else {
                // Fails for who comes second, as the id is taken then.
                await alerts.insertOne({ ...after, outbox: events }, { session })
              }
              if (change) await changes.insertOne(change, { session })
              if (told.length > 0) await deliveries.insertMany(told, { session })
              return true
            },
            { timeoutMS: 5000 },
          ),
        )
        .catch(unlessTaken)
    },
  }
}

/** A first alert of a group that another has made at the same time. */
function unlessTaken(error: unknown): false {
  if (error instanceof MongoServerError && error.code === duplicate) return false
  throw error
}
