/** Aggregates with events on a real MongoDB and Redis, for the tests of what brings them elsewhere. */
import { UserRolesChanged } from '@site11/proto/grpc/site11/users/v1/events.ts'
import type { Collection } from 'mongodb'
import { createLog } from '../log.ts'
import { connectStore } from '../store/connect.ts'
import { ensureIndexes } from '../store/indexes.ts'
import { storeForTests, type TestMongod } from '../store/test-mongod.ts'
import { startRedis } from '../test-redis.ts'
import { type OutboxEntry, outboxEntry } from './event.ts'
import { outboxIndex } from './outbox.ts'
import { connectRedis } from './redis.ts'
import { createRelay } from './relay.ts'
import { each, on, subscribe } from './subscribe.ts'

export const log = createLog('test', process.env.SITE11_TEST_LOG ?? 'silent')
const type = 'site11.users.v1.UserRolesChanged'

export interface Thing {
  _id: string
  version: number
  outbox?: OutboxEntry[]
}

/** One effect of an event, as a handler wrote it down. */
export interface Effect {
  subject: string
  sequence: number
  eventId: string
}

/** @param mongod one that the test may kill. */
export async function startEvents(mongod?: TestMongod) {
  const { store, stop } = mongod ? storeOn(mongod) : await storeForTests()
  const redisServer = await startRedis()
  const redis = connectRedis(redisServer.url, 'test', log)
  const things: Collection<Thing> = store.db.collection('things')
  await ensureIndexes(things, [outboxIndex], log)
  const effects = store.db.collection<Effect>('effects')
  await store.db.createCollection('effects')
  const closing: { close(): Promise<void> }[] = []
  const opened = <T extends { close(): Promise<void> }>(one: T): T => {
    closing.push(one)
    return one
  }

  return {
    store,
    redis,
    redisServer,
    things,
    effects,
    /** Changes a thing, made by its first change, and tells nobody. @returns the id of the event. */
    async change(_id: string, roles: string[] = []): Promise<string> {
      const before = await things.findOne({ _id })
      const version = (before?.version ?? 0) + 1
      const entry = outboxEntry(type, UserRolesChanged, UserRolesChanged.fromPartial({ roles }), {
        sequence: version,
        time: new Date(),
        traceId: '',
      })
      await things.updateOne({ _id }, { $set: { version }, $push: { outbox: entry } }, { upsert: true })
      return entry.id
    },
    relay: (instance = 'things-1', more: { kept?: number; most?: number } = {}) =>
      opened(
        createRelay({
          stream: 'things',
          db: store.db,
          collections: [things],
          redisUrl: redisServer.url,
          instance,
          log,
          ...more,
        }),
      ),
    /** Subscribes with a handler that writes down what it sees; `also` may throw before that is done. */
    async subscribe(
      group: string,
      also: (roles: string[], subject: string) => void | Promise<void> = () => {},
      instance = `${group}-1`,
    ) {
      const handler = on(UserRolesChanged, async ({ roles }, event, session) => {
        const { subject, sequence, id } = event
        await effects.insertOne({ subject: `${group}:${subject}`, sequence, eventId: id }, { session })
        await also(roles, subject)
      })
      return opened(
        await subscribe({
          stream: 'things',
          group,
          store,
          redisUrl: redisServer.url,
          instance,
          log,
          handler: each({ [type]: handler }),
          maxAttempts: 3,
          retryMs: 20,
        }),
      )
    },
    /** @returns the sequences of a subject's events that a group has handled, in the order of their effects. */
    async handled(group: string, thing: string): Promise<number[]> {
      const found = await effects
        .find({ subject: `${group}:things/${thing}` })
        .sort({ _id: 1 })
        .toArray()
      return found.map(({ sequence }) => sequence)
    },
    /** How many events wait in outboxes. */
    async waiting(): Promise<number> {
      const found = await things.find().toArray()
      return found.reduce((sum, { outbox = [] }) => sum + outbox.length, 0)
    },
    async stop() {
      await Promise.all(closing.map(each => each.close()))
      redis.disconnect()
      await redisServer.kill()
      await stop()
    },
  }
}

export type TestEvents = Awaited<ReturnType<typeof startEvents>>

function storeOn(mongod: TestMongod) {
  const store = connectStore({ url: mongod.url.replace('/?', '/events?'), appName: 'test' })
  const stop = async () => {
    await store.close()
    await mongod.stop()
  }
  return { store, stop }
}
