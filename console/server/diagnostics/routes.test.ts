import { AuthServiceService } from '@site11/proto/grpc/site11/console/v1/auth_service.ts'
import { DiagnosticsServiceService } from '@site11/proto/grpc/site11/console/v1/diagnostics_service.ts'
import { RegistryServiceService } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import { contractOf } from '@site11/runtime/contract.ts'
import { expect, test } from 'vitest'
import { hashOf } from '../trial.ts'
import { listRoutes } from './routes.ts'

const contract = contractOf([AuthServiceService, RegistryServiceService, DiagnosticsServiceService])
const inForce = [{ name: 'console', contract }]

test('a route says where it comes from, what it is bound to and what its policy is', () => {
  const { routes } = listRoutes(inForce, new Map())
  expect(routes.find(({ path }) => path.endsWith('/Login'))).toMatchObject({
    service: 'console',
    path: '/site11.console.v1.AuthService/Login',
    bindings: [{ verb: 'POST', path: '/api/v1/auth/login' }],
    file: 'site11/console/v1/auth_service.proto',
    policy: {
      access: { $case: 'public', value: true },
      timeout: { seconds: 15 },
      rateLimit: { requests: 1200, per: { seconds: 60 } },
      audit: true,
    },
    serverStreaming: false,
  })
  expect(routes.find(({ path }) => path.endsWith('/WatchMesh'))).toMatchObject({
    serverStreaming: true,
    policy: { access: { $case: 'scope', value: 'mesh:read' } },
  })
})

test('what is for services alone is not routed, and so not listed', () => {
  expect(listRoutes(inForce, new Map()).routes.filter(({ path }) => path.endsWith('/Attach'))).toEqual([])
})

test('a contract that was taken back stands beside the one in force', () => {
  const refused = { contractHash: 'b'.repeat(64), reason: 'envoy-1 refuses it: too long' }
  const services = new Map([
    ['console', { contractHash: refused.contractHash, refused }],
    ['widgets', { contractHash: 'c'.repeat(64), refused: undefined }],
  ])
  expect(listRoutes(inForce, services).contracts).toEqual([
    {
      service: 'console',
      contractHash: hashOf(contract),
      newestHash: refused.contractHash,
      refusedHash: refused.contractHash,
      refusedReason: refused.reason,
    },
    { service: 'widgets', contractHash: '', newestHash: 'c'.repeat(64), refusedHash: '', refusedReason: '' },
  ])
})

test('a contract that cannot be read has no routes, and keeps nobody from seeing the others', () => {
  const broken = { name: 'widgets', contract: Uint8Array.of(255, 255) }
  expect(listRoutes([broken, ...inForce], new Map()).routes).toEqual(listRoutes(inForce, new Map()).routes)
})
