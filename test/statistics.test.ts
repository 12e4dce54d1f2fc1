/** What StatisticsService counts, against what was sent: over each protocol, by method, status, version and instance. */
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { type Client, Metadata } from '@grpc/grpc-js'
import { Aggregation } from '@site11/proto/es/site11/statistics/v1/metrics_service_pb.ts'
import { PropertyType } from '@site11/proto/es/site11/statistics/v1/product_service_pb.ts'
import { Dimension, type SignalSeries } from '@site11/proto/es/site11/statistics/v1/statistics_service_pb.ts'
import { StatisticsServiceService } from '@site11/proto/grpc/site11/statistics/v1/statistics_service.ts'
import { clientTo } from '@site11/runtime/test-identity.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { admin, createUser, login, password, register } from './accounts.ts'
import { apiOver, mesh, refusalOf, transports } from './api.ts'
import { meshCommand } from './cli.ts'
import { send } from './http.ts'
import { identityOf } from './identity.ts'
import { pidsOf, untilHealthy } from './processes.ts'
import { startTraffic } from './traffic.ts'
import { until } from './until.ts'

const { METHOD, STATUS, PROTOCOL, INSTANCE, VERSION, CALLER, SERVICE } = {
  METHOD: Dimension.METHOD,
  STATUS: Dimension.STATUS,
  PROTOCOL: Dimension.PROTOCOL,
  INSTANCE: Dimension.INSTANCE,
  VERSION: Dimension.VERSION,
  CALLER: Dimension.CALLER,
  SERVICE: Dimension.SERVICE,
}

const seconds = (count: number) => ({ seconds: BigInt(count), nanos: 0 })

/**
 * Follows signals of a second each from now on. A point that comes again replaces the one before.
 * @returns what was counted so far by labels; and a stop.
 */
function follow(groupBy: Dimension[], service = 'users', range = 0, over: (typeof transports)[number] = 'gRPC') {
  const end = new AbortController()
  const counts = new Map<string, Map<number, number>>()
  let answers = 0
  let failure: unknown
  const take = ({ labels, points }: SignalSeries) => {
    const steps = counts.get(labels.join(' ')) ?? new Map<number, number>()
    counts.set(labels.join(' '), steps)
    for (const { startTime, requests } of points) steps.set(Number(startTime?.seconds), Number(requests))
  }
  const done = (async () => {
    while (!end.signal.aborted) {
      try {
        const request = { groupBy, service, range: seconds(range), step: seconds(1) }
        for await (const { series } of apiOver(over, admin).statistics.watchSignals(request, { signal: end.signal })) {
          answers++
          for (const each of series) take(each)
        }
      } catch (error) {
        failure = error
        await delay(200)
      }
    }
  })()
  return {
    begun: () => until('the first answer', () => answers > 0),
    /** @param since epoch s. */
    count: (labels: string, since = 0) =>
      [...(counts.get(labels) ?? [])].reduce((sum, [start, each]) => (start >= since ? sum + each : sum), 0),
    all: () => Object.fromEntries([...counts.keys()].map(labels => [labels, counts.get(labels)?.size])),
    failure: () => failure,
    async stop() {
      end.abort()
      await done
    },
  }
}

const path = (method: string) => `/site11.users.v1.UsersService/${method}`
const restName = { REST: 'rest', gRPC: 'grpc', 'gRPC-Web': 'grpc-web' } as const

describe.each(transports)('over %s', transport => {
  test('each request is counted once, under its method, protocol, status and instance', async () => {
    const user = await createUser()
    const { session } = await register()
    const mine = apiOver(transport, async () => session.accessToken)
    const asAdmin = apiOver(transport, admin)
    const signals = follow([METHOD, PROTOCOL, STATUS, INSTANCE], 'users', 0, transport)
    await signals.begun()
    // What is before this second, others have sent.
    await delay(4000)
    const protocol = restName[transport]
    const line = (method: string, status: string, instance = 'users-1') =>
      [path(method), protocol, status, instance].join(' ').trimEnd()
    const sent: [string, number, () => Promise<unknown>][] = [
      [line('GetUser', 'OK'), 7, () => asAdmin.users.getUser({ id: user.id })],
      [line('GetUser', 'NOT_FOUND'), 5, () => refusalOf(asAdmin.users.getUser({ id: randomUUID() }))],
      [line('ListUsers', 'INVALID_ARGUMENT'), 4, () => refusalOf(asAdmin.users.listUsers({ pageSize: -1 }))],
      // The edge refuses these: no instance has seen them.
      [line('GetUser', 'PERMISSION_DENIED', ''), 3, () => refusalOf(mine.users.getUser({ id: user.id }))],
      [line('GetUser', 'UNAUTHENTICATED', ''), 2, () => refusalOf(apiOver(transport).users.getUser({ id: user.id }))],
    ]
    const counted = (labels: string) => signals.count(labels) + signals.count(`${labels} `)
    const before = new Map(sent.map(([labels]) => [labels, counted(labels)]))
    for (const [, times, call] of sent) await Promise.all(Array.from({ length: times }, call))
    for (const [labels, times] of sent) {
      const news = () => counted(labels) - (before.get(labels) ?? 0)
      await until(`${labels}: ${times}`, () => news() >= times).catch(() => {})
      expect([labels, news()]).toEqual([labels, times])
    }
    await signals.stop()
  })
})

test('what the edge refuses counts for the method it was meant for, and what is no method for the edge', async () => {
  const token = await admin()
  const users = follow([METHOD, STATUS])
  const edge = follow([SERVICE, STATUS, PROTOCOL, CALLER], 'edge')
  await Promise.all([users.begun(), edge.begun()])
  for (let time = 0; time < 3; time++) {
    expect((await send(mesh.url, '/api/v1/users?nonsense=1', { token })).status).toBe(400)
    expect((await send(mesh.url, '/api/v1/nonsense', { token })).status).toBe(404)
  }
  await until('all counted', () => users.count(`${path('ListUsers')} INVALID_ARGUMENT`) >= 3)
  await until('all counted', () => edge.count('edge NOT_FOUND rest edge') >= 3)
  expect(edge.count('edge NOT_FOUND rest edge')).toBe(3)
  await Promise.all([users.stop(), edge.stop()])
})

test('an answer of a version is counted for it, and pages of the dashboard for nobody', async () => {
  const user = await createUser()
  const { versions } = await apiOver('gRPC', admin).registry.getTraffic({ service: 'users' })
  const signals = follow([VERSION, METHOD, STATUS])
  const all = follow([SERVICE], '')
  await Promise.all([signals.begun(), all.begun()])
  for (let time = 0; time < 5; time++) await apiOver('REST', admin).users.getUser({ id: user.id })
  for (let time = 0; time < 5; time++) await fetch(`${mesh.url}/`)
  await until('counted', () => signals.count(`${versions[0]?.version} ${path('GetUser')} OK`) >= 5)
  expect(Object.keys(all.all())).not.toContain('')
  await Promise.all([signals.stop(), all.stop()])
})

test('calls between services are counted by who made them, and apart from those that pass the edge', async () => {
  const { email } = await register()
  const users = follow([METHOD, CALLER, PROTOCOL, STATUS])
  const auth = follow([METHOD, CALLER, PROTOCOL, STATUS], 'console')
  await Promise.all([users.begun(), auth.begun()])
  const verified = `${path('VerifyPassword')} console grpc OK`
  const loggedIn = '/site11.console.v1.AuthService/Login edge rest OK'
  const settled = async () => {
    await delay(8000)
    return [users.count(verified), auth.count(loggedIn)]
  }
  const [verifiedBefore = 0, loggedInBefore = 0] = await settled()
  for (let time = 0; time < 3; time++) await login({ email, password })
  const [verifiedAfter = 0, loggedInAfter = 0] = await settled()
  expect([verifiedAfter - verifiedBefore, loggedInAfter - loggedInBefore]).toEqual([3, 3])
  expect(Object.keys(users.all()).filter(labels => labels.includes('VerifyPassword edge'))).toEqual([])
  await Promise.all([users.stop(), auth.stop()])
})

describe('what is kept', () => {
  const { metrics, product } = apiOver('REST', admin)
  const totalOf = async (request: { metric: string; filter?: string; aggregation?: Aggregation }) =>
    (await metrics.queryMetric({ aggregation: Aggregation.SUM, step: seconds(60), ...request })).series[0]?.total ?? 0

  test('counts what was sent, and the events that came of it', async () => {
    const missing = () => totalOf({ metric: 'request.client_errors', filter })
    const filter = `method = "${path('GetUser')}" AND status = "NOT_FOUND" AND protocol = "rest"`
    const created = () => totalOf({ metric: 'events', filter: 'type = "site11.users.v1.UserCreated"' })
    // What others have sent is in it by then.
    await delay(6000)
    const [missedBefore, createdBefore] = [await missing(), await created()]
    const get = () => refusalOf(apiOver('REST', admin).users.getUser({ id: randomUUID() }))
    await Promise.all(Array.from({ length: 9 }, get))
    await createUser()
    await until('nine requests', async () => (await missing()) >= missedBefore + 9)
    await until('one event', async () => (await created()) >= createdBefore + 1)
    expect([await missing(), await created()]).toEqual([missedBefore + 9, createdBefore + 1])
  })

  test('counts an event of a product once, however often it is sent, and refuses a bad one alone', async () => {
    const event = `bought_${randomUUID().slice(0, 8)}`
    const properties = [{ name: 'amount', type: PropertyType.NUMBER, required: true }]
    await product.putEventSchema({ schema: { event, description: 'Bought.', properties } })
    const good = { id: randomUUID(), event, properties: { amount: 20 } }
    const bad = { id: randomUUID(), event, properties: { amount: 'much' } }
    expect(await product.track({ events: [good, bad] })).toMatchObject({
      accepted: 1,
      duplicates: 0,
      refused: [{ index: 1, reason: 'WRONG_PROPERTY_TYPE' }],
    })
    expect(await product.track({ events: [good, good] })).toMatchObject({ accepted: 0, duplicates: 2, refused: [] })
    await until('it is counted', async () => (await totalOf({ metric: `product.${event}` }).catch(() => 0)) > 0)
    expect(await totalOf({ metric: `product.${event}` })).toBe(1)
    expect(await totalOf({ metric: `product.${event}.amount`, aggregation: Aggregation.P95 })).toBeCloseTo(20)
    const { steps } = await product.queryFunnel({ events: [event, event] })
    expect(steps.map(({ subjects }) => subjects)).toEqual([1n, 0n])
    const { cohorts } = await product.queryRetention({ event, periods: 1 })
    expect(cohorts.map(({ subjects }) => subjects)).toEqual([[1n]])
    await product.deleteEventSchema({ event })
  })

  test('is not told when there is none of it, with what there is', async () => {
    const refused = (request: Parameters<typeof metrics.queryMetric>[0]) => refusalOf(metrics.queryMetric(request))
    expect(await refused({ metric: 'request' })).toMatchObject({ code: 'NotFound', reason: 'UNKNOWN_METRIC' })
    expect(await refused({ metric: 'requests', groupBy: ['colour'] })).toMatchObject({
      reason: 'UNKNOWN_LABEL',
      fields: ['group_by'],
    })
    expect((await metrics.listMetrics({})).metrics.map(({ name }) => name)).toContain('request.duration')
  })
})

test('what cannot be told is refused, by field', async () => {
  const { statistics } = apiOver('gRPC', admin)
  const refused = async (request: Parameters<typeof statistics.watchSignals>[0]) =>
    refusalOf(
      (async () => {
        for await (const _ of statistics.watchSignals(request)) return
      })(),
    )
  const invalid = (field: string) => ({ code: 'InvalidArgument', reason: 'INVALID_FIELD', fields: [field] })
  expect(await refused({ range: seconds(3601) })).toMatchObject(invalid('range'))
  expect(await refused({ step: seconds(301) })).toMatchObject(invalid('step'))
  expect(await refused({ step: { seconds: 1n, nanos: 1 } })).toMatchObject(invalid('step'))
  expect(await refused({ range: seconds(3600), step: seconds(1) })).toMatchObject(invalid('step'))
  expect(await refused({ groupBy: [99 as Dimension] })).toMatchObject({ code: 'InvalidArgument' })
  expect(await refused({ groupBy: [METHOD, METHOD] })).toMatchObject(invalid('group_by'))
  const token = (await admin()) ?? expect.fail()
  const rest = await send(mesh.url, '/api/v1/signals:watch?group_by=DIMENSION_WEATHER', { token })
  expect(rest.status).toBe(400)
})

describe('with two instances of Statistics', () => {
  beforeAll(async () => {
    expect((await meshCommand(['scale', 'statistics=2'], mesh.settings)).code).toBe(0)
  })
  afterAll(async () => {
    expect((await meshCommand(['scale', 'statistics=1'], mesh.settings)).code).toBe(0)
    await untilHealthy(mesh.url)
  })

  test('each knows what either was told', async () => {
    const user = await createUser()
    const { instances } = await apiOver('gRPC', admin).registry.listInstances({ service: 'statistics' })
    expect(instances).toHaveLength(2)
    const identity = await identityOf({ proxy: 'envoy-1' })
    const clients = instances.map(({ address }) => clientTo(address, 'statistics', identity))
    // Counted from here on only: what others have sent leaves the last ten minutes meanwhile.
    const since = new Date(Math.ceil(Date.now() / 1000) * 1000)
    await until('the next second', () => Date.now() >= Number(since))
    const counts = () => Promise.all(clients.map(client => countAt(client, [path('GetUser'), 'OK'], since)))
    for (let time = 0; time < 20; time++) await apiOver('REST', admin).users.getUser({ id: user.id })
    await until('each has counted all', async () => (await counts()).every(count => count >= 20))
    await delay(2000)
    expect(await counts()).toEqual([20, 20])
    for (const client of clients) client.close()
  })
})

/** @returns how many requests to users of these labels, by method and status, one instance of Statistics knows since then. */
async function countAt(client: Client, labels: string[], since: Date): Promise<number> {
  const { path, requestSerialize, responseDeserialize } = StatisticsServiceService.watchSignals
  const metadata = new Metadata()
  metadata.set('authorization', `Bearer ${await admin()}`)
  const groupBy = [METHOD, STATUS]
  const request = { groupBy, service: 'users', range: { seconds: 600, nanos: 0 }, step: { seconds: 1, nanos: 0 } }
  const call = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request, metadata)
  call.on('error', () => {})
  let first: Date | undefined
  let count = 0
  for await (const { series, time } of call) {
    first ??= time
    // The past is in the answers of one time; the next begins with the next step.
    if (Number(time) !== Number(first)) break
    for (const { labels: own, points } of series)
      if (own.join() === labels.join())
        for (const { requests, startTime } of points) if (startTime && startTime >= since) count += requests
  }
  call.cancel()
  return count
}

describe('with Statistics killed', () => {
  afterAll(() => untilHealthy(mesh.url))

  test('no request fails or waits, what is sent once it is back is counted, and what was stored is still known', async () => {
    const user = await createUser()
    const signals = follow([METHOD, STATUS])
    await signals.begun()
    const since = Math.floor(Date.now() / 1000)
    const traffic = startTraffic({ url: mesh.url, userId: user.id, token: (await admin()) ?? expect.fail() }, 100)
    await traffic.more(200)
    const pid = (await pidsOf(mesh.settings))['statistics-1'] ?? expect.fail('no statistics-1')
    process.kill(pid, 'SIGKILL')
    await traffic.more(200)
    await until('another Statistics', async () => {
      const now = (await pidsOf(mesh.settings))['statistics-1']
      return now !== undefined && now !== pid
    })
    await traffic.more(200)
    const account = await traffic.stop('Statistics killed under traffic')
    expect(account.failures).toEqual([])
    await signals.stop()
    // What it had not stored yet is lost with it, and what proxies had nobody to tell of: some seconds at the most.
    const again = follow([METHOD, STATUS], 'users', 120)
    await until('counts go on', () => again.count(`${path('GetUser')} OK`, since) >= account.sent * 0.4)
    await delay(4000)
    const counted = again.count(`${path('GetUser')} OK`, since)
    process.stdout.write(`Statistics killed: ${account.sent} sent, ${counted} of them counted\n`)
    await again.stop()
  })
})
