/** Writes users as the Users service does, with their events or without, and relays these. */
import { User } from '@site11/proto/grpc/site11/users/v1/user.ts'
import { createRelay, type Relay } from '@site11/runtime/events/relay.ts'
import { createLog } from '@site11/runtime/log.ts'
import { createGroupInserter } from '@site11/runtime/store/coalesce.ts'
import { connectStore, type Store } from '@site11/runtime/store/connect.ts'
import { ensureIndexes } from '@site11/runtime/store/indexes.ts'
import { indexes, type UserDocument } from '@site11/users/document.ts'
import { created } from '@site11/users/events.ts'
import { searchTokens } from '@site11/users/search.ts'
import { newUser } from '@site11/users/user.ts'
import { v7 as newId } from 'uuid'
import { answerParent } from '../control-plane/child.ts'
import { closedLoop, openLoop } from '../load/loops.ts'

export interface Where {
  mongoUrl: string
  redisUrl: string
}

const log = createLog('bench', 'warn')
const trace = 'a'.repeat(32)
let store: Store
let relay: Relay | undefined
let insert: ReturnType<typeof createGroupInserter<UserDocument>>
let withEvents = true
let written = 0

const write = async () => {
  const at = new Date()
  const id = newId()
  const user = newUser(User.fromPartial({ email: `${id}@example.com`, displayName: `Ada Lovelace ${id}` }), id, at)
  const document: UserDocument = { ...user, search: searchTokens(user.email, user.displayName) }
  if (withEvents) document.outbox = [created(user, trace)]
  try {
    await insert(document)
  } catch (error) {
    return String(error)
  }
  written++
  if (withEvents) relay?.written('users', id, document.outbox?.[0])
  return undefined
}

export const handlers = {
  async start({ mongoUrl, redisUrl }: Where): Promise<number> {
    store = connectStore({ url: mongoUrl, appName: 'producer' })
    const users = store.db.collection<UserDocument>('users')
    await ensureIndexes(users, indexes, log)
    insert = createGroupInserter(users)
    const collections = [users]
    relay = createRelay({ stream: 'bench', db: store.db, collections, redisUrl, instance: 'producer', log })
    return process.pid
  },
  /** Writes with so many under way, or at a rate. @returns how many in all, and how many a second. */
  async write({
    seconds,
    parallel,
    rate,
    events,
  }: {
    seconds: number
    parallel: number
    rate: number
    events: boolean
  }) {
    withEvents = events
    written = 0
    const timing = { warmMs: 0, measureMs: seconds * 1000, begin() {}, end() {} }
    const { failures, p50Ms, p99Ms } = await (rate > 0
      ? openLoop(write, rate, timing)
      : closedLoop(write, parallel, timing))
    return { written, failures, p50Ms, p99Ms }
  },
  async stop() {
    await relay?.close()
    await store.close()
  },
}

answerParent(handlers)
