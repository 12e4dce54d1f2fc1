/** Tells webhooks what waits for them, and again later what was in vain. */
import { AlertDeliveryState } from '@site11/proto/grpc/site11/statistics/v1/alerts_service.ts'
import type { Log } from '@site11/runtime/log.ts'
import type { Networks } from './address.ts'
import type { DeliveryDocument, WebhookDocument } from './delivery.ts'
import { notOpened, secretOf } from './secret.ts'
import type { AlertStore } from './store.ts'
import { type Attempt, send } from './webhook.ts'

export interface DelivererDeps {
  store: AlertStore
  networks: Networks
  /** What secrets of webhooks are sealed with. */
  key: Buffer
  now(): Date
  log: Log
}

const {
  ALERT_DELIVERY_STATE_WAITING: waiting,
  ALERT_DELIVERY_STATE_DELIVERED: delivered,
  ALERT_DELIVERY_STATE_FAILED: failed,
} = AlertDeliveryState

const second = 1000
const minute = 60 * second
/** After how long it is tried again: eight attempts in about nine hours. ms. */
export const retriesMs = [
  5 * second,
  30 * second,
  2 * minute,
  10 * minute,
  30 * minute,
  2 * 60 * minute,
  6 * 60 * minute,
]
/** Longer than any attempt: one that was begun by a process that is gone is tried again after it. ms. */
const claimMs = 60 * second
const atOnce = 8

/** Tells all that is due, until `signal` ends it; what is cut off is told again. @throws what the database says. */
export async function deliverDue(deps: DelivererDeps, signal: AbortSignal): Promise<void> {
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (!signal.aborted) {
        const delivery = await claim(deps)
        if (!delivery) return
        await attempt(deps, delivery, signal)
      }
    }),
  )
}

/** @returns one that is due, which nobody else takes meanwhile. What an alert was before is told before what it is now. */
async function claim({ store, now }: DelivererDeps): Promise<DeliveryDocument | null> {
  const { deliveries } = store.collections
  for (;;) {
    const at = now()
    const due = { state: waiting, nextTime: { $lte: at } }
    const taken = { $set: { nextTime: new Date(at.getTime() + claimMs) } }
    const delivery = await deliveries.findOneAndUpdate(due, taken, { sort: { nextTime: 1 }, returnDocument: 'after' })
    if (!delivery) return null
    const { webhook, alert, createTime } = delivery
    const earlier = await deliveries.findOne({ webhook, alert, state: waiting, createTime: { $lt: createTime } })
    if (!earlier) return delivery
    const nextTime = new Date(Math.max(earlier.nextTime?.getTime() ?? 0, at.getTime()) + second)
    await deliveries.updateOne({ _id: delivery._id }, { $set: { nextTime } })
  }
}

async function attempt(deps: DelivererDeps, delivery: DeliveryDocument, signal: AbortSignal): Promise<void> {
  const { store, now, log } = deps
  const webhook = await store.collections.webhooks.findOne({ _id: delivery.webhook })
  const given = (error: string): Attempt => ({ httpStatus: 0, error, durationMs: 0, isFinal: true })
  const result =
    webhook && !webhook.paused
      ? await sendTo(webhook, delivery, deps, signal)
      : given(webhook ? 'The webhook rests.' : 'The webhook was deleted.')
  const { httpStatus, error, durationMs } = result
  const attempts = delivery.attempts + 1
  const retryMs = retriesMs[attempts - 1]
  const state = error === '' ? delivered : result.isFinal || retryMs === undefined ? failed : waiting
  const attemptTime = now()
  const nextTime = state === waiting ? new Date(attemptTime.getTime() + (retryMs ?? 0)) : null
  if (state === failed)
    log.warn({ webhook: delivery.webhook, delivery: delivery._id, httpStatus }, 'a webhook was not told')
  await store.collections.deliveries.updateOne(
    { _id: delivery._id, state: waiting },
    { $set: { state, attempts, httpStatus, error, durationMs, attemptTime, nextTime } },
  )
  if (state === waiting) return
  // What has waited for it need not wait for longer.
  const { webhook: of, alert } = delivery
  await store.collections.deliveries.updateMany(
    { webhook: of, alert, state: waiting, attempts: 0 },
    { $set: { nextTime: attemptTime } },
  )
}

/** @returns what came of one attempt. Nothing is sent that cannot be signed: that is tried again, as the key may come back. */
export async function sendTo(
  webhook: WebhookDocument,
  { _id: id, body }: Pick<DeliveryDocument, '_id' | 'body'>,
  { networks, key, now }: Pick<DelivererDeps, 'networks' | 'key' | 'now'>,
  signal: AbortSignal,
): Promise<Attempt> {
  const secret = secretOf(key, webhook)
  if (secret === undefined) return { httpStatus: 0, error: notOpened, durationMs: 0, isFinal: false }
  return send({ id, url: webhook.url, secret, body }, networks, now(), signal)
}
