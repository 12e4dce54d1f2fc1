/** What a real Envoy tells Statistics of requests, while Statistics comes and goes. */
import { fromBinary, type JsonObject, toJson } from '@bufbuild/protobuf'
import { Server, type ServerReadableStream } from '@grpc/grpc-js'
import { testService } from '@site11/runtime/test-identity.ts'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { accessLogCluster } from './clusters.ts'
import { type Edge, startEdge } from './edge-fixture.ts'
import { envoyTypes, messageType } from './encode.ts'
import { clusterType, listenerType, snapshotFrom } from './snapshot.ts'
import { contractOf, instance, until } from './testbed.ts'

const contract = contractOf('site11/statistics/v1/statistics_service.proto')
const message = messageType('envoy.service.accesslog.v3.StreamAccessLogsMessage')

/** Takes in records as JSON; `open` has the streams. */
async function startCollector() {
  const entries: JsonObject[] = []
  const open = new Set<ServerReadableStream<JsonObject, object>>()
  const server = new Server()
  const encode = () => Buffer.alloc(0)
  const streamAccessLogs = {
    path: '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs',
    requestStream: true,
    responseStream: false,
    requestDeserialize: (bytes: Buffer) => toJson(message, fromBinary(message, bytes), { registry: envoyTypes }),
    responseSerialize: encode,
    requestSerialize: encode,
    responseDeserialize: () => ({}),
  } as const
  server.addService(
    { streamAccessLogs },
    {
      streamAccessLogs(stream: ServerReadableStream<JsonObject, object>) {
        open.add(stream)
        stream.on('data', ({ httpLogs }: { httpLogs: { logEntry: JsonObject[] } }) =>
          entries.push(...httpLogs.logEntry),
        )
        stream.on('error', () => {})
      },
    },
  )
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', testService(accessLogCluster).server(), (error, port) =>
      error ? reject(error) : resolve(port),
    ),
  )
  return { entries, open, port, stop: () => server.forceShutdown() }
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

it('Statistics is told of each request that is made while it is there, and requests go on while it is not', async () => {
  const failed = () => edge.envoy.stat('access_logs.grpc_access_log.grpc_entries_flush_failed')
  expect((await get('early')).status).toBe(200)
  await until('Envoy has nobody to tell', async () => (await failed()) > 0)
  const collector = await startCollector()
  await edge.publish(withStatistics(collector.port))
  expect((await get('u1')).status).toBe(200)
  expect((await get('nobody')).status).toBe(404)
  expect(await edge.grpcCall(edge.reader)).toEqual({ id: 'u1' })
  await edge.webCall(edge.reader)
  const calls = () => collector.entries.filter(each => JSON.stringify(each).includes('GetUser'))
  // The one from before was kept, and comes along.
  await until('all are told', () => calls().length >= 5)
  expect(calls()).toMatchObject([
    { request: { originalPath: '/api/v1/users/early' }, response: { responseCode: 200 } },
    { request: { originalPath: '/api/v1/users/u1' }, response: { responseCode: 200 } },
    { request: { originalPath: '/api/v1/users/nobody' }, response: { responseCode: 404 } },
    { response: { responseHeaders: { 'content-type': 'application/grpc+proto' } } },
    { response: { responseHeaders: { 'content-type': 'application/grpc-web+proto' } } },
  ])
  for (const each of calls()) {
    const routeName = 'site11.users.v1.UsersService/GetUser'
    expect(each).toMatchObject({
      commonProperties: { routeName, customTags: { instance: 'users-1', version: '0.1.0' } },
    })
  }
  expect(JSON.stringify(collector.entries)).not.toContain(edge.reader)
  await edge.rest('/api/v1/users:watch', { token: edge.reader })
  const stream = () => collector.entries.find(each => JSON.stringify(each).includes('WatchUsers'))
  expect(await until('the stream', stream)).toMatchObject({ commonProperties: { customTags: { stream: 'yes' } } })

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
