/** Webhooks and what they are told. */
import { randomUUID } from 'node:crypto'
import {
  type AlertDelivery,
  AlertDeliveryState,
  type AlertWebhook,
} from '@site11/proto/grpc/site11/statistics/v1/alerts_service.ts'
import { etagOf } from '@site11/runtime/store/etag.ts'
import type { Collection } from 'mongodb'
import { badField, maskedFields, type Resource } from '../resources.ts'
import { hostProblem, type Networks } from './address.ts'
import type { AlertDocument, Told } from './alert.ts'
import { severityLabels } from './silence.ts'

export interface WebhookDocument extends Resource {
  title: string
  url: string
  paused: boolean
  /** What requests are signed with: see secret.ts. */
  sealed?: string
  /** As an older version has kept it. */
  secret?: string
}

export interface DeliveryDocument {
  _id: string
  webhook: string
  alert: string
  rule: string
  type: Told | 'test'
  /** What is sent. */
  body: string
  state: AlertDeliveryState
  attempts: number
  httpStatus: number
  error: string
  durationMs: number
  createTime: Date
  attemptTime: Date | null
  nextTime: Date | null
}

/** @param sealed its secret. @throws ServiceError INVALID_FIELD. */
export function newWebhook(
  message: AlertWebhook,
  sealed: string,
  networks: Networks,
  id: string,
  now: Date,
): WebhookDocument {
  requireSound(message, networks)
  return {
    _id: id,
    title: message.title.trim(),
    url: message.url,
    paused: message.paused,
    sealed,
    version: 1,
    createTime: now,
    updateTime: now,
  }
}

function requireSound({ title, url }: Pick<AlertWebhook, 'title' | 'url'>, networks: Networks): void {
  if (title.trim() === '') throw badField('alert_webhook.title', 'A webhook needs a title.')
  const problem = hostProblem(url, networks)
  if (problem) throw badField('alert_webhook.url', problem)
}

/** @throws ServiceError INVALID_FIELD. */
export function webhookUpdate(
  before: WebhookDocument,
  message: AlertWebhook,
  mask: string[] | undefined,
  networks: Networks,
): Partial<WebhookDocument> {
  const { title, url, paused } = message
  const fields = maskedFields(mask, { title: title !== '', url: url !== '', paused })
  const change: Partial<WebhookDocument> = {}
  for (const field of fields) Object.assign(change, { [field]: field === 'title' ? title.trim() : message[field] })
  requireSound({ ...before, ...change }, networks)
  return change
}

export const toWebhook = ({ _id: id, title, url, paused, createTime, updateTime, version }: WebhookDocument) => ({
  ...{ id, title, url, paused, createTime, updateTime },
  etag: etagOf(version),
})

/** @returns what the webhooks of an alert are told, those that are there and do not rest. */
export async function deliveriesOf(
  webhooks: Collection<WebhookDocument>,
  alert: AlertDocument,
  type: Told,
): Promise<DeliveryDocument[]> {
  if (alert.webhooks.length === 0) return []
  const found = await webhooks
    .find({ _id: { $in: alert.webhooks }, paused: false }, { projection: { _id: 1 } })
    .toArray()
  return found.map(({ _id }) => newDelivery(_id, alert._id, alert.rule, type, dataOf(alert), alert.changeTime))
}

export function newDelivery(
  webhook: string,
  alert: string,
  rule: string,
  type: DeliveryDocument['type'],
  data: object,
  now: Date,
): DeliveryDocument {
  return {
    _id: randomUUID(),
    ...{ webhook, alert, rule, type },
    body: JSON.stringify({ type, timestamp: now.toISOString(), data }),
    state: AlertDeliveryState.ALERT_DELIVERY_STATE_WAITING,
    ...{ attempts: 0, httpStatus: 0, error: '', durationMs: 0 },
    ...{ createTime: now, attemptTime: null, nextTime: now },
  }
}

const dataOf = ({ _id: alert, rule, title, description, severity, value, summary, ...rest }: AlertDocument) => ({
  ...{ alert, rule, title, description, severity: severityLabels[severity] },
  labels: Object.fromEntries(rest.labels),
  ...{ value, summary },
  startTime: rest.startTime?.toISOString(),
  fireTime: rest.fireTime?.toISOString(),
  resolveTime: rest.resolveTime?.toISOString(),
})

export function toDelivery({ _id: id, body: _, attemptTime, nextTime, ...rest }: DeliveryDocument): AlertDelivery {
  return { ...rest, id, attemptTime: attemptTime ?? undefined, nextTime: nextTime ?? undefined }
}
