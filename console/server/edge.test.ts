import { RegistryServiceService } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import { UsersServiceService } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import { contractOf } from '@site11/runtime/contract.ts'
import { createLog } from '@site11/runtime/log.ts'
import { expect, test } from 'vitest'
import { createControlPlane } from './control-plane/server.ts'
import type { MeshState, ServiceState } from './control-plane/state.ts'
import { checkContract, createEdge } from './edge.ts'

const log = createLog('test', 'silent')
const good: ServiceState = { name: 'users', contract: contractOf([UsersServiceService]), instances: [] }
const own: ServiceState = { name: 'console', contract: contractOf([RegistryServiceService]), instances: [] }
const bad: ServiceState = { name: 'images', contract: Buffer.from('nonsense'), instances: [] }
const state = (services: ServiceState[]): MeshState => ({
  services,
  jwks: { keys: [] },
  issuer: 'http://localhost:8000',
  audience: 'site11',
  edge: { address: '127.0.0.1', port: 8000 },
  corsOrigins: [],
  dashboard: { address: '127.0.0.1', port: 8002 },
})

test('a service that no configuration can be made of is left out and named; the others are published', () => {
  let services = [good, bad, own]
  const published: string[][] = []
  const controlPlane = createControlPlane({ joinToken: 'secret', log })
  const publish = (mesh: MeshState) => {
    controlPlane.publish(mesh)
    published.push(mesh.services.map(({ name }) => name))
  }
  const edge = createEdge({ publish }, () => state(services), log)
  edge.publish()
  expect(published).toEqual([['users', 'console']])
  expect(edge.problems()).toEqual([expect.stringContaining('images')])
  services = [good, own]
  edge.publish()
  expect(published.at(-1)).toEqual(['users', 'console'])
  expect(edge.problems()).toEqual([])
  controlPlane.close()
})

test('a newcomer is refused when the configuration cannot be made with it', () => {
  checkContract([own], good)
  expect(() => checkContract([own, good], bad)).toThrow('images')
})

test('a newcomer is not refused for the faults of others', () => {
  checkContract([own, bad], good)
  expect(() => checkContract([own, bad], { ...bad, name: 'data' })).toThrow()
})
