import { create, type DescMessage, toJson } from '@bufbuild/protobuf'
import { createClient, createRouterTransport } from '@connectrpc/connect'
import { AuthService } from '@site11/proto/es/site11/console/v1/auth_service_pb.ts'
import {
  DiagnosticsService,
  WatchMeshResponseSchema,
} from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import { RegistryService } from '@site11/proto/es/site11/console/v1/registry_service_pb.ts'
import { expect, test } from 'vitest'
import { createRecentCalls, type RecentCall, recording } from './recent-calls.ts'

function setup() {
  let pathname = '/'
  const calls = createRecentCalls(() => pathname)
  const server = createRouterTransport(({ service }) => {
    service(AuthService, { login: () => ({}) })
    service(RegistryService, { listInstances: () => ({}), drainInstance: () => ({}) })
    service(DiagnosticsService, {
      async *watchMesh() {
        yield create(WatchMeshResponseSchema)
        await new Promise(() => undefined)
      },
    })
  })
  const transport = recording(server, calls)
  return { calls, transport, goTo: (path: string) => (pathname = path) }
}

const names = (calls: RecentCall[]) => calls.map(({ method }) => method.name)
const json = ({ method, request }: RecentCall) => toJson(method.input as DescMessage, request)

test('the last call of each method is known, the newest first, and the page that made it', async () => {
  const { calls, transport, goTo } = setup()
  const registry = createClient(RegistryService, transport)
  await registry.drainInstance({ instance: 'users-1' })
  goTo('/services')
  await registry.listInstances({})
  await registry.listInstances({ service: 'users' })
  const { here, before } = calls.list()
  expect([names(here), names(before)]).toEqual([['ListInstances'], ['DrainInstance']])
  expect(here.map(json)).toEqual([{ service: 'users' }])
})

test('a stream belongs to every page for as long as it is open', async () => {
  const { calls, transport, goTo } = setup()
  const stop = new AbortController()
  const watching = createClient(DiagnosticsService, transport).watchMesh({}, { signal: stop.signal })
  const messages = watching[Symbol.asyncIterator]()
  await messages.next()
  goTo('/services')
  expect(names(calls.list().here)).toEqual(['WatchMesh'])
  stop.abort()
  await expect(messages.next()).rejects.toThrow()
  expect(names(calls.list().before)).toEqual(['WatchMesh'])
})

test('no secret is kept', async () => {
  const { calls, transport } = setup()
  await createClient(AuthService, transport).login({ email: 'a@example.com', password: 'hunter2' })
  expect(calls.list().here.map(json)).toEqual([{ email: 'a@example.com', password: 'secret' }])
})
