/**
 * Events of users on the real mesh. First that nothing is lost, doubled or out of order while everything that has a hand in it is killed in
 * turn; SITE11_EVENTS_KILLS says how often, each three times unless set.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Code } from '@connectrpc/connect'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTokens } from '../console/server/tokens.ts'
import { portsFrom } from '../mesh/ports.ts'
import { loadSecrets } from '../mesh/secrets.ts'
import { connectRedis, type Redis } from '../services/runtime/events/redis.ts'
import { each, subscribe } from '../services/runtime/events/subscribe.ts'
import { createLog } from '../services/runtime/log.ts'
import { connectStore, type Store } from '../services/runtime/store/connect.ts'
import { admin, createUser, newEmail, register } from './accounts.ts'
import { apiOver, mesh, refusalOf, transports } from './api.ts'
import { send } from './http.ts'
import { type Acknowledged, type Effect, group, judge } from './ledger.ts'
import { pidsOf, untilHealthy } from './processes.ts'
import { readSigningKeys } from './signing.ts'
import { until } from './until.ts'

const kills = Number(process.env.SITE11_EVENTS_KILLS || 21)
const ports = portsFrom(String(mesh.port))
const { redisPassword, mongo } = loadSecrets(join(mesh.home, 'secrets.json'), [])
const redisUrl = `redis://:${redisPassword}@127.0.0.1:${ports.redis}`
const databaseUrl = (name: string) =>
  `mongodb://site11-admin:${mongo.adminPassword}@127.0.0.1:${ports.mongod}/${name}?directConnection=true&authSource=admin`
const log = createLog('test', 'silent')
const { events } = apiOver('REST', admin)

let redis: Redis
let store: Store
beforeAll(async () => {
  redis = connectRedis(redisUrl, 'test', log)
  store = connectStore({ url: databaseUrl('events_test'), appName: 'test' })
  await untilHealthy(mesh.url)
  return async () => {
    redis.disconnect()
    await store.db.dropDatabase()
    await store.close()
  }
})

const groupNow = async (name: string) => {
  const { streams } = await events.listStreams({})
  return streams.find(({ stream }) => stream === 'users')?.groups.find(each => each.group === name)
}

/** @returns how many users Statistics knows to have been made, and how many events of users it has counted. */
async function countedIn({ db }: Store) {
  const [found] = await db
    .collection('event_counts')
    .aggregate<{ created: number; all: number }>([
      { $unwind: '$counts' },
      { $match: { 'counts.service': 'users' } },
      {
        $group: {
          _id: null,
          all: { $sum: '$counts.count' },
          created: {
            $sum: { $cond: [{ $eq: ['$counts.type', 'site11.users.v1.UserCreated'] }, '$counts.count', 0] },
          },
        },
      },
    ])
    .toArray()
  return { created: found?.created ?? 0, all: found?.all ?? 0 }
}

describe('nothing is lost, doubled or out of order', () => {
  const consumers = new Map<string, ChildProcess>()
  const ledger: Acknowledged[] = []
  const unknown = { creates: 0, changes: 0 }
  let writing = true

  async function startConsumer(name: string): Promise<void> {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'ledger-consumer.ts'), name], {
      env: { ...process.env, SITE11_MONGO_URL: databaseUrl('events_test'), SITE11_REDIS_URL: redisUrl },
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    consumers.set(name, child)
    await once(child.stdout as NodeJS.ReadableStream, 'data')
  }

  /** Makes users and changes each some times, and puts down what was acknowledged. */
  async function write(token: () => Promise<string>): Promise<void> {
    while (writing) {
      const body = { user: { email: newEmail() }, requestId: randomUUID() }
      const made = await send(mesh.url, '/api/v1/users', { method: 'POST', body, token: await token() }).catch(
        () => undefined,
      )
      if (made?.status !== 200) {
        unknown.creates++
        await delay(100)
        continue
      }
      const { id } = made.json().user as { id: string }
      ledger.push({ subject: `users/${id}`, version: 1 })
      for (let n = 0; n < 5 && writing; n++) {
        const change = { method: 'PATCH', body: { displayName: `Number ${n}` }, token: await token() }
        const changed = await send(mesh.url, `/api/v1/users/${id}`, change).catch(() => undefined)
        if (changed?.status !== 200) {
          unknown.changes++
          await delay(100)
          continue
        }
        const { etag } = changed.json().user as { etag: string }
        ledger.push({ subject: `users/${id}`, version: Number.parseInt(etag.slice(1), 36) })
      }
      await delay(20)
    }
  }

  const kill = async (name: string) => process.kill((await pidsOf(mesh.settings))[name] ?? 0, 'SIGKILL')
  const faults: [string, () => Promise<unknown>][] = [
    ['users-1 killed', () => kill('users-1')],
    ['statistics-1 killed', () => kill('statistics-1')],
    ['redis killed', () => kill('redis')],
    ['mongod killed', () => kill('mongod')],
    ['redis emptied', () => redis.flushall()],
    [
      'the consumer killed',
      async () => {
        const holder = await store.db.collection<{ _id: string; holder: string }>('event_leases').findOne({})
        const name = holder?.holder ?? ''
        consumers.get(name)?.kill('SIGKILL')
        await startConsumer(name)
      },
    ],
    [
      'redis killed, and its data gone',
      async () => {
        const pids = await pidsOf(mesh.settings)
        process.kill(pids.mesh ?? 0, 'SIGSTOP')
        process.kill(pids.redis ?? 0, 'SIGKILL')
        const data = join(mesh.home, 'data/redis')
        for (const name of readdirSync(data)) rmSync(join(data, name), { recursive: true })
        process.kill(pids.mesh ?? 0, 'SIGCONT')
      },
    ],
  ]

  test(`while ${kills} times something is killed`, { timeout: 120_000 + kills * 60_000 }, async () => {
    const tokens = createTokens(await readSigningKeys(), mesh.url)
    let token: { since: number; text: Promise<string> } | undefined
    const fresh = () => {
      if (!token || Date.now() - token.since > 120_000) {
        const claims = { userId: randomUUID(), sessionId: 'ledger', scopes: ['users:read', 'users:write'] }
        token = { since: Date.now(), text: tokens.access(claims).then(({ token }) => token) }
      }
      return token.text
    }
    await store.db.createCollection('effects')
    await store.db.createCollection('positions')
    await startConsumer('ledger-1')
    await startConsumer('ledger-2')
    // Its group has to be known before Redis may lose it.
    await until('the group is known', async () => (await groupNow(group)) !== undefined)
    const knownGroups = connectStore({ url: databaseUrl('users_db'), appName: 'test' })
    await until('the relay remembers it', async () =>
      Boolean(await knownGroups.db.collection<{ _id: string }>('event_groups').findOne({ _id: group })),
    )
    const statistics = connectStore({ url: databaseUrl('statistics_db'), appName: 'test' })
    const counted = () => countedIn(statistics)
    await until('what others have done is counted', async () => (await groupNow('statistics'))?.lag === 0n)
    const countedBefore = await counted()
    const began = new Date()
    const writers = Array.from({ length: 6 }, () => write(fresh))
    const counts: Record<string, number> = {}
    for (let n = 0; n < kills; n++) {
      const before = ledger.length
      await until('writes go on', () => ledger.length > before + 50, 60_000)
      await until('the consumers keep up', async () => ((await groupNow(group))?.lag ?? 0n) < 1000n, 60_000)
      const [name, strike] = faults[n % faults.length] ?? expect.fail()
      counts[name] = (counts[name] ?? 0) + 1
      await strike()
      await untilHealthy(mesh.url)
    }
    const last = ledger.length
    await until('writes go on', () => ledger.length > last + 50, 60_000)
    writing = false
    await Promise.all(writers)

    const outboxes = knownGroups.db.collection('users')
    await until(
      'all outboxes are empty',
      async () => (await outboxes.countDocuments({ 'outbox.time': { $exists: true } })) === 0,
      60_000,
    )
    const made = await outboxes.find({ createTime: { $gte: began } }, { projection: { version: 1 } }).toArray()
    const kept = made.map(({ _id, version }) => ({ subject: `users/${_id}`, version: Number(version) }))
    await knownGroups.close()
    const versions = kept.reduce((sum, { version }) => sum + version, 0)
    const expected = { created: countedBefore.created + kept.length, all: countedBefore.all + versions }
    await until('all is counted', async () => (await counted()).all >= expected.all, 60_000)
    const countedAfter = await counted()
    await statistics.close()
    const effects = await store.db.collection<Effect>('effects').find().toArray()
    const verdict = judge(ledger, kept, effects)
    const { missing, doubled, disordered, ...figures } = verdict
    process.stdout.write(
      `events: ${kills} faults (${Object.entries(counts)
        .map(([name, count]) => `${name} ${count}`)
        .join(
          ', ',
        )}): ${figures.acknowledged} writes acknowledged, ${missing.length} without their event, ${figures.effects} effects, ${doubled.length} doubled, ${disordered.length} subjects out of order, ${countedAfter.all - countedBefore.all} of ${versions} counted by Statistics; outcome unknown: ${unknown.creates} creations, ${unknown.changes} changes, of which ${figures.unacknowledged} had happened\n`,
    )
    expect(countedAfter).toEqual(expected)
    expect({ missing, doubled, disordered }).toEqual({ missing: [], doubled: [], disordered: [] })
    expect(figures.acknowledged).toBeGreaterThan(kills * 50)
  })

  afterAll(async () => {
    for (const child of consumers.values()) child.kill('SIGKILL')
    // Otherwise every event from now on is kept for it, and it is told of as behind.
    await until('the group is forgotten', () => events.deleteGroup({ stream: 'users', group }))
    await untilHealthy(mesh.url)
  }, 90_000)
})

describe.each(transports)('over %s', name => {
  const { events, users } = apiOver(name, admin)

  test('events are watched as they happen, with their payload', async () => {
    const end = new AbortController()
    const watch = events.watchEvents({ type: 'UserCreated' }, { signal: end.signal, timeoutMs: 0 })
    const messages = watch[Symbol.asyncIterator]()
    await messages.next()
    const { user } = await users.createUser({ user: { email: newEmail(), locale: 'ko-KR' } })
    for (;;) {
      const { value } = await messages.next()
      const found = value?.events.find(
        ({ event }: { event?: { subject: string } }) => event?.subject === `users/${user?.id}`,
      )
      if (!found) continue
      expect(found).toMatchObject({
        stream: 'users',
        event: { type: 'site11.users.v1.UserCreated', source: '/services/users', sequence: 1n },
      })
      expect(JSON.parse(found.payload)).toEqual({ roles: ['user'], locale: 'ko-KR' })
      break
    }
    end.abort()
  })
})

test('what a group cannot handle is listed, tried again and skipped', async () => {
  const bad = await createUser()
  let broken = true
  const handled: string[] = []
  const handler = async ({ subject, sequence }: { subject: string; sequence: number }) => {
    if (broken && subject === `users/${bad.id}`) throw new Error('not today')
    if (subject === `users/${bad.id}`) handled.push(`${subject} ${sequence}`)
  }
  const consumer = await subscribe({
    stream: 'users',
    group: 'picky',
    store,
    redisUrl,
    instance: 'picky-1',
    log,
    handler: each({ 'site11.users.v1.UserCreated': handler, 'site11.users.v1.UserUpdated': handler }),
    maxAttempts: 2,
    retryMs: 20,
  })
  try {
    const which = { stream: 'users', group: 'picky' }
    const letters = async () => (await events.listDeadLetters(which).catch(() => undefined))?.deadLetters ?? []
    await until('it is a dead letter', async () => (await letters()).length === 1)
    const { users } = apiOver('REST', admin)
    for (const displayName of ['A', 'B']) await users.updateUser({ user: { id: bad.id, displayName } })
    await until('what follows waits for it', async () => (await letters()).length === 3)
    const [first] = await letters()
    expect(first).toMatchObject({
      reason: 'not today',
      attempts: 2,
      event: { subject: `users/${bad.id}`, sequence: 1n },
    })
    expect(JSON.parse(first?.payload ?? '')).toMatchObject({ roles: ['user'] })
    expect((await groupNow('picky'))?.deadLetters).toBe(3n)
    const { findings } = await apiOver('REST', admin).diagnostics.diagnose({})
    expect(findings).toContainEqual(
      expect.objectContaining({ code: 'DEAD_LETTERS', problem: expect.stringContaining('3 of the stream users') }),
    )
    const eventId = first?.event?.id ?? ''
    expect(await events.retryDeadLetter({ ...which, eventId })).toMatchObject({ handled: false, reason: 'not today' })
    broken = false
    await events.skipDeadLetter({ ...which, eventId })
    await until('the others are handled', () => handled.length === 2)
    expect(handled).toEqual([`users/${bad.id} 2`, `users/${bad.id} 3`])
    await until('there are none any more', async () => (await letters()).length === 0)
    await events.replayEvents({ ...which, from: bad.createTime, again: true })
    await until('all are handled again', () => handled.length === 5)
    expect(handled.slice(2)).toEqual([1, 2, 3].map(n => `users/${bad.id} ${n}`))
    expect(await refusalOf(events.retryDeadLetter({ ...which, eventId }))).toMatchObject({ code: Code[Code.NotFound] })
  } finally {
    await consumer.close()
    await until('the group is forgotten', () => events.deleteGroup({ stream: 'users', group: 'picky' }))
  }
  expect(await groupNow('picky')).toBeUndefined()
})

test('sessions of a user end when the user is disabled', async () => {
  const { session } = await register()
  const { auth } = apiOver('REST', async () => session.accessToken)
  expect((await auth.listSessions({})).sessions).toHaveLength(1)
  const { users } = apiOver('REST', admin)
  await users.disableUser({ id: decodeJwt(session.accessToken).sub ?? '', reason: 'a test' })
  await until('the session is gone', async () => (await auth.listSessions({})).sessions.length === 0)
})
