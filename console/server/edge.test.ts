import { RegistryServiceService } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import { UsersServiceService } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import { contractOf } from '@site11/runtime/contract.ts'
import { createLog } from '@site11/runtime/log.ts'
import { testAuthority } from '@site11/runtime/test-identity.ts'
import { afterEach, expect, test, vi } from 'vitest'
import { createControlPlane, type ProxyEvent } from './control-plane/server.ts'
import { routeType } from './control-plane/snapshot.ts'
import type { MeshState, ServiceState } from './control-plane/state.ts'
import { checkContract, createEdge } from './edge.ts'
import type { KnownService } from './registry/registry.ts'
import { hashOf } from './trial.ts'

const log = createLog('test', 'silent')
const good: ServiceState = { name: 'users', contract: contractOf([UsersServiceService]), instances: [] }
const own: ServiceState = { name: 'console', contract: contractOf([RegistryServiceService]), instances: [] }
const other: ServiceState = { ...own, name: 'other' }
const bad: ServiceState = { name: 'images', contract: Buffer.from('nonsense'), instances: [] }
const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})
const state = (services: ServiceState[]): MeshState => ({
  services,
  jwks: { keys: [] },
  issuer: 'http://localhost:8000',
  audience: 'site11',
  edge: { address: '127.0.0.1', port: 8000 },
  corsOrigins: [],
  dashboard: { address: '127.0.0.1', port: 8002 },
  trustBundle: testAuthority.bundle,
})

/** An edge on a real control plane; `events` are what proxies do, `verdicts` what the registry is told. */
function edgeOn(services: () => ServiceState[], known = new Map<string, KnownService>()) {
  const published: string[][] = []
  const verdicts: string[] = []
  let emit: (event: ProxyEvent) => void = () => {}
  const controlPlane = createControlPlane({
    joinToken: 'secret',
    certificateOf: nodeId => testAuthority.certificate({ proxy: nodeId }),
    log,
  })
  const edge = createEdge({
    controlPlane: {
      publish(mesh, change) {
        controlPlane.publish(mesh, change)
        published.push(mesh.services.map(({ name }) => name))
      },
      proxies: () => [],
      onEvent: listener => {
        emit = listener
      },
    },
    state: waiting => state(services().filter(({ name }) => !waiting.has(name))),
    lastChange: () => 1,
    services: () => known,
    judge({ service, verdict, contractHash, reason }) {
      verdicts.push(`${service} ${verdict}`)
      const before = known.get(service)
      if (!before) return
      known.set(
        service,
        verdict === 'accepted'
          ? { ...before, acceptedHash: contractHash }
          : { ...before, refused: { contractHash, reason } },
      )
      edge.publish()
    },
    log,
  })
  closers.push(controlPlane.close)
  return { edge, published, verdicts, emit: (event: ProxyEvent) => emit(event) }
}

const knownAs = ({ contract }: ServiceState): KnownService => ({
  contractHash: hashOf(contract),
  contractTime: new Date(0),
  acceptedHash: undefined,
  refused: undefined,
  emptySinceMs: undefined,
})
const contractsOf = (...services: ServiceState[]) => new Map(services.map(({ name, contract }) => [name, contract]))
const refusal = (...services: ServiceState[]): ProxyEvent => ({
  type: 'refused',
  nodeId: 'envoy-1',
  typeUrl: routeType,
  version: '1',
  reason: 'a bad regex',
  resources: ['edge'],
  changes: undefined,
  contracts: contractsOf(...services),
})

test('a service that no configuration can be made of is left out and named; the others are published', () => {
  let services = [good, bad, own]
  const { edge, published } = edgeOn(() => services)
  edge.publish()
  expect(published).toEqual([['users', 'console']])
  expect(edge.problems()).toEqual([expect.stringContaining('images')])
  services = [good, own]
  edge.publish()
  expect(published.at(-1)).toEqual(['users', 'console'])
  expect(edge.problems()).toEqual([])
})

test('a contract that a proxy refuses is taken back, and named', async () => {
  const { edge, verdicts, emit } = edgeOn(() => [good, own], new Map([['users', knownAs(good)]]))
  edge.publish()
  emit(refusal(good, own))
  await vi.waitFor(() => expect(verdicts).toEqual(['users refused']))
  expect(edge.problems()).toEqual([expect.stringContaining('a bad regex')])
})

test('of two new contracts the one that is refused is found by trying them one after the other', async () => {
  const services = [good, other, own]
  const known = new Map(services.slice(0, 2).map(each => [each.name, knownAs(each)]))
  const { edge, published, verdicts, emit } = edgeOn(() => services, known)
  edge.publish()
  emit(refusal(...services))
  await vi.waitFor(() => expect(published.at(-1)).toEqual(['other', 'console']))
  emit({ type: 'accepted', nodeId: 'envoy-1', change: 1, contracts: contractsOf(other, own) })
  await vi.waitFor(() => expect(published.at(-1)).toEqual(['users', 'other', 'console']))
  emit(refusal(...services))
  await vi.waitFor(() => expect(verdicts).toEqual(['other accepted', 'users refused']))
})

test('a newcomer is refused when the configuration cannot be made with it', () => {
  checkContract([own], good)
  expect(() => checkContract([own, good], bad)).toThrow('images')
})

test('a newcomer is not refused for the faults of others', () => {
  checkContract([own, bad], good)
  expect(() => checkContract([own, bad], { ...bad, name: 'data' })).toThrow()
})
