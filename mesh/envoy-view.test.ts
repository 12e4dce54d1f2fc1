import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EndpointStatus, InstanceBeliefs, Severity } from '@site11/proto/grpc/site11/console/v1/diagnostics_service.ts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { envoyBootstrap } from '../envoy/bootstrap.ts'
import { envoyFindings } from './envoy-findings.ts'
import { askEnvoy, type EnvoyView, knownEnvoys, servicesIn } from './envoy-view.ts'

const host = (hostname: string, status = 'HEALTHY', more = {}) => ({
  hostname,
  address: { socket_address: { address: '127.0.0.1', port_value: 8110 } },
  health_status: { eds_health_status: status, ...more },
})
const clusters = (hosts: object[]) =>
  JSON.stringify({
    cluster_statuses: [
      { name: 'users', host_statuses: hosts },
      { name: 'images' },
      { name: 'control-plane', host_statuses: [host('')] },
    ],
  })

describe('the Envoys of a home', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'site11-envoys-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  test('are those that have a bootstrap there', () => {
    const bootstrap = { consoleHost: '127.0.0.1', consolePort: 1, joinToken: 'a token for tests', trustFile: 'ca.pem' }
    writeFileSync(
      join(folder, 'envoy-2.json'),
      JSON.stringify(envoyBootstrap({ ...bootstrap, nodeId: 'envoy-2', adminPort: 8101 })),
    )
    writeFileSync(
      join(folder, 'envoy-1.json'),
      JSON.stringify(envoyBootstrap({ ...bootstrap, nodeId: 'envoy-1', adminPort: 8001 })),
    )
    writeFileSync(join(folder, 'envoy-1.snapshot.json'), '{"nodeId":"envoy-1"}')
    writeFileSync(join(folder, 'notes.json'), 'no JSON')
    expect(knownEnvoys(folder)).toEqual([
      { nodeId: 'envoy-1', admin: '127.0.0.1:8001' },
      { nodeId: 'envoy-2', admin: '127.0.0.1:8101' },
    ])
    expect(knownEnvoys(join(folder, 'nothing'))).toEqual([])
  })

  test('tell whether they are ready, and what they hold', async () => {
    const server = createServer((request, response) => {
      response.end(request.url === '/ready' ? 'LIVE\n' : clusters([host('users-1')]))
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const admin = `127.0.0.1:${(server.address() as AddressInfo).port}`
    const view = await askEnvoy({ nodeId: 'envoy-1', admin })
    expect(view).toMatchObject({ nodeId: 'envoy-1', state: 'LIVE', problem: '' })
    expect([...view.services.keys()]).toEqual(['users', 'images'])
    await new Promise(resolve => server.close(resolve))
    expect(await askEnvoy({ nodeId: 'envoy-1', admin })).toMatchObject({
      state: '',
      problem: expect.stringContaining('ECONNREFUSED'),
    })
  })
})

test('of an endpoint it is read what Envoy was told and what it found out', () => {
  const hosts = [
    host('users-1'),
    host('users-2', 'UNHEALTHY'),
    host('users-3', 'DRAINING'),
    host('users-4', 'HEALTHY', { failed_outlier_check: true }),
  ]
  const read = [...(servicesIn(clusters(hosts)).get('users') ?? [])].map(([name, { status, ejected }]) => [
    name,
    status,
    ejected,
  ])
  expect(read).toEqual([
    ['users-1', 'healthy', false],
    ['users-2', 'unhealthy', false],
    ['users-3', 'draining', false],
    ['users-4', 'healthy', true],
  ])
})

describe('Envoy shows', () => {
  const view = (hosts: object[], change: Partial<EnvoyView> = {}): EnvoyView => ({
    nodeId: 'envoy-1',
    admin: '127.0.0.1:8001',
    state: 'LIVE',
    problem: '',
    services: servicesIn(clusters(hosts)),
    ...change,
  })
  const accepted = (...names: string[]) =>
    names.map(instance =>
      InstanceBeliefs.fromPartial({
        instance: { service: 'users', instance },
        proxies: [{ nodeId: 'envoy-1', status: EndpointStatus.ENDPOINT_STATUS_HEALTHY }],
      }),
    )
  const both = [host('users-1'), host('users-2')]
  const out = { failed_outlier_check: true }
  const here = new Set(['envoy-1'])
  const { SEVERITY_CRITICAL: critical, SEVERITY_WARNING: warning } = Severity

  test.each<[string, EnvoyView, ReadonlySet<string>, unknown[]]>([
    ['nothing when it does as it was told', view(both), here, []],
    [
      'that it hangs',
      view([], { problem: 'no answer', state: '' }),
      here,
      [[critical, 'ENVOY_SILENT', 'proxies/envoy-1']],
    ],
    ['nothing when it does not run', view([], { problem: 'refused', state: '' }), new Set(), []],
    ['that it runs unconnected', view(both), new Set(), [[warning, 'ENVOY_UNCONNECTED', 'proxies/envoy-1']]],
    [
      'that it is not ready',
      view(both, { state: 'PRE_INITIALIZING' }),
      here,
      [[critical, 'ENVOY_NOT_READY', 'proxies/envoy-1']],
    ],
    [
      'whom it has ejected',
      view([host('users-1'), host('users-2', 'HEALTHY', out)]),
      here,
      [[warning, 'ENVOY_EJECTED', 'instances/users-2']],
    ],
    [
      'that it has ejected all',
      view([host('users-1', 'HEALTHY', out), host('users-2', 'HEALTHY', out)]),
      here,
      [[critical, 'ENVOY_EJECTED', 'services/users']],
    ],
    ['whom it lacks', view([host('users-1')]), here, [[warning, 'ENVOY_LACKS', 'instances/users-2']]],
    [
      'whom it has as failing',
      view([host('users-1'), host('users-2', 'UNHEALTHY')]),
      here,
      [[warning, 'ENVOY_LACKS', 'instances/users-2']],
    ],
    ['that it lacks all', view([]), here, [[critical, 'ENVOY_LACKS', 'services/users']]],
  ])('%s', (_, of, connected, expected) => {
    const findings = envoyFindings([of], connected, accepted('users-1', 'users-2'))
    expect(findings.map(({ severity, code, subject }) => [severity, code, subject])).toEqual(expected)
  })
})
