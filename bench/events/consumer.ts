/** Handles the events, as many at a time as there are: one document for each, and how long after the change it was there. */
import { UserCreated } from '@site11/proto/grpc/site11/users/v1/events.ts'
import { type Handler, subscribe } from '@site11/runtime/events/subscribe.ts'
import { createLog } from '@site11/runtime/log.ts'
import { connectStore } from '@site11/runtime/store/connect.ts'
import type { ClientSession } from 'mongodb'
import { answerParent } from '../control-plane/child.ts'
import { quantile } from '../stats.ts'
import type { Where } from './producer.ts'

const log = createLog('bench', 'warn')
let delays: number[] = []
/** Times of the events in the transaction of a session. */
const open = new WeakMap<ClientSession, number[]>()
let stop = async () => {}

/** Nobody is told when a transaction is done: so its end is listened to. */
function timesOf(session: ClientSession): number[] {
  const known = open.get(session)
  if (known) return known
  const times: number[] = []
  open.set(session, times)
  const commit = session.commitTransaction.bind(session)
  const abort = session.abortTransaction.bind(session)
  session.commitTransaction = async options => {
    await commit(options)
    const now = Date.now()
    for (const time of times.splice(0)) delays.push(now - time)
  }
  session.abortTransaction = async options => {
    times.length = 0
    await abort(options)
  }
  return times
}

export const handlers = {
  async start({ mongoUrl, redisUrl }: Where): Promise<number> {
    const store = connectStore({ url: mongoUrl, appName: 'consumer' })
    await store.db.createCollection('effects')
    const effects = store.db.collection('effects')
    const handler: Handler = {
      types: ['site11.users.v1.UserCreated'],
      async handle(events, session) {
        timesOf(session).push(...events.map(({ time }) => time?.getTime() ?? 0))
        const documents = events.map(({ id, data }) => ({ eventId: id, roles: UserCreated.decode(data).roles }))
        await effects.insertMany(documents, { session })
      },
    }
    const consumer = await subscribe({
      stream: 'bench',
      group: 'bench',
      store,
      redisUrl,
      instance: 'consumer',
      log,
      handler,
    })
    stop = async () => {
      await consumer.close()
      await store.close()
    }
    return process.pid
  },
  count: () => delays.length,
  /** @returns how late the events were, ms, since it was asked the last time. */
  take() {
    const sorted = Float64Array.from(delays).sort()
    delays = []
    const [p50, p95, p99, max] = [0.5, 0.95, 0.99, 1].map(q => quantile(sorted, q))
    return { count: sorted.length, p50, p95, p99, max }
  },
  stop: () => stop(),
}

answerParent(handlers)
