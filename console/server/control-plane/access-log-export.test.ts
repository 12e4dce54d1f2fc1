/** What a real Envoy tells Statistics of requests, while Statistics comes and goes. */
import { Server, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js'
import { testService } from '@site11/runtime/test-identity.ts'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Entry, entriesIn } from '../../../services/statistics/entry.ts'
import { accessLogCluster } from './clusters.ts'
import { type Edge, startEdge } from './edge-fixture.ts'
import { clusterType, listenerType, snapshotFrom } from './snapshot.ts'
import { contractOf, instance, until } from './testbed.ts'

const contract = contractOf('site11/statistics/v1/statistics_service.proto')

/** Takes in records as Statistics does; `raw` has all that came as text. */
async function startCollector() {
  const entries: Entry[] = []
  const raw: string[] = []
  const server = new Server()
  const encode = () => Buffer.alloc(0)
  const exportLogs = {
    path: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
    requestStream: false,
    responseStream: false,
    requestDeserialize: (bytes: Buffer) => bytes,
    responseSerialize: encode,
    requestSerialize: encode,
    responseDeserialize: () => ({}),
  } as const
  server.addService(
    { exportLogs },
    {
      exportLogs({ request }: ServerUnaryCall<Buffer, object>, answer: sendUnaryData<object>) {
        raw.push(request.toString('latin1'))
        entries.push(...entriesIn(request))
        answer(null, {})
      },
    },
  )
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', testService(accessLogCluster).server(), (error, port) =>
      error ? reject(error) : resolve(port),
    ),
  )
  return { entries, raw, port, stop: () => server.forceShutdown() }
}

let edge: Edge
beforeAll(async () => {
  edge = await startEdge()
})
afterAll(() => edge?.stop())

const withStatistics = (port: number) => ({
  services: [
    ...edge.state().services,
    { name: accessLogCluster, contract, instances: [instance('statistics-1', port)] },
  ],
})
const get = (id: string) => edge.rest(`/api/v1/users/${id}`, { token: edge.reader })

it('the listener and the clusters are the same with Statistics and without', () => {
  const [without, having] = [snapshotFrom(edge.state()), snapshotFrom(edge.state(withStatistics(9)))]
  expect([...having[listenerType]].filter(([, { onDemand }]) => !onDemand)).toEqual(
    [...without[listenerType]].filter(([, { onDemand }]) => !onDemand),
  )
  const hashes = (snapshot: typeof having) =>
    [...snapshot[clusterType].values()].flatMap(({ name, hash, onDemand }) => (onDemand ? [] : [[name, hash]]))
  expect(hashes(having)).toEqual(hashes(without))
})

const statOf = (name: string) => edge.envoy.stat(`cluster.${accessLogCluster}.${name}`)

it('Statistics is told of each request that is made while it is there, and requests go on while it is not', async () => {
  expect((await get('early')).status).toBe(200)
  await until('Envoy has nobody to tell', async () => (await statOf('upstream_cx_none_healthy')) > 0)
  const collector = await startCollector()
  await edge.publish(withStatistics(collector.port))
  expect((await get('u1')).status).toBe(200)
  expect((await get('nobody')).status).toBe(404)
  expect((await get('u1?private=1')).status).toBe(400)
  expect(await edge.grpcCall(edge.reader)).toEqual({ id: 'u1' })
  await edge.webCall(edge.reader)
  const calls = () => collector.entries.filter(({ route }) => route.includes('GetUser'))
  await until('all are told', () => calls().length >= 4)
  const grpc = 'application/grpc'
  expect(calls()).toMatchObject([
    { restPath: '/api/v1/users/u1', httpStatus: 200, grpcStatus: 0, contentType: 'application/json' },
    { restPath: '/api/v1/users/nobody', httpStatus: 404, contentType: 'application/json' },
    { restPath: '', httpStatus: 200, grpcStatus: 0, contentType: `${grpc}+proto` },
    { restPath: '', httpStatus: 200, contentType: `${grpc}-web+proto` },
  ])
  for (const each of calls()) {
    const route = 'site11.users.v1.UsersService/GetUser'
    expect(each).toMatchObject({ route, instance: 'users-1', version: '0.1.0', isStream: false, isCut: false })
    expect(Math.abs(Date.now() - each.startMs)).toBeLessThan(60_000)
    expect(each.durationMs).toBeGreaterThan(0)
    expect(each.durationMs).not.toBe(Math.round(each.durationMs))
  }
  await edge.rest('/api/v1/users:watch', { token: edge.reader })
  const stream = () => collector.entries.find(({ route }) => route.includes('WatchUsers'))
  expect(await until('the stream', stream)).toMatchObject({ isStream: true, restPath: '/api/v1/users:watch' })
  for (const text of collector.raw) {
    expect(text).not.toContain(edge.reader)
    expect(text).not.toContain('private')
  }

  collector.stop()
  const took: number[] = []
  for (let time = 0; time < 50; time++) {
    const began = performance.now()
    expect((await get('u1')).status).toBe(200)
    took.push(performance.now() - began)
  }
  expect(took.toSorted((a, b) => a - b)[25]).toBeLessThan(50)
  await edge.publish()
  expect((await get('u1')).status).toBe(200)
})
