/** Faults while three hundred requests a second go on, over two instances: each request is counted, and every failure explained. */

import { InstanceHealth } from '@site11/proto/es/site11/console/v1/registry_service_pb.ts'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { portsFrom } from '../mesh/ports.ts'
import { admin, createUser } from './accounts.ts'
import { apiOver, mesh } from './api.ts'
import { meshCommand } from './cli.ts'
import { startMixedTraffic } from './mixed-traffic.ts'
import { pidsOf, untilHealthy } from './processes.ts'
import { until } from './until.ts'

const { registry } = apiOver('gRPC', admin)
const ports = portsFrom(String(mesh.port))
let userIds: string[]

beforeAll(async () => {
  expect(await meshCommand(['scale', 'users=2'], mesh.settings)).toMatchObject({ code: 0 })
  await untilHealthy(mesh.url)
  userIds = await Promise.all(Array.from({ length: 50 }, async () => (await createUser({})).id))
})
afterEach(async () => {
  for (const name of stopped) await signal(name, 'SIGCONT')
  stopped.clear()
  await untilHealthy(mesh.url)
})
afterAll(async () => {
  await meshCommand(['scale', 'users=1'], mesh.settings)
})

const stopped = new Set<string>()
async function signal(name: string, kind: NodeJS.Signals): Promise<number> {
  const pid = (await pidsOf(mesh.settings))[name]
  if (pid === undefined) throw new Error(`${name} does not run`)
  process.kill(pid, kind)
  if (kind === 'SIGSTOP') stopped.add(name)
  return pid
}

const traffic = async (perSecond = 300) =>
  startMixedTraffic({ url: mesh.url, userIds, token: (await admin()) ?? '', perSecond })

test('an instance killed -9: nothing fails that may be sent again', async () => {
  const requests = await traffic()
  await requests.during(3000)
  const before = await signal('users-2', 'SIGKILL')
  await until('another process runs', async () => ((await pidsOf(mesh.settings))['users-2'] ?? before) !== before)
  await untilHealthy(mesh.url)
  await requests.during(2000)
  const account = await requests.stop('users-2 killed')
  expect(account.of('read').failures).toEqual([])
  expect(account.of('write').failures).toEqual([])
})

test('an instance frozen: it is passed over, and nobody waits for it any more within 5 s', async () => {
  const requests = await traffic()
  await requests.during(4000)
  const pid = (await pidsOf(mesh.settings))['users-2'] ?? 0
  const { address } = (await registry.getInstance({ instance: 'users-2' })).instance ?? {}
  const frozenMs = requests.now()
  stopped.add('users-2')
  process.kill(pid, 'SIGSTOP')
  const after = () => Math.round(requests.now() - frozenMs)
  const [atEnvoy, atConsole, failing] = await Promise.all([
    until('Envoy has ejected it', async () => (await isEjectedByEnvoy(address ?? '')) && after()),
    until('the Console has ejected it', async () => {
      const { calls } = (await registry.getInstance({ instance: 'console-1' })).instance ?? {}
      return calls?.some(({ ejected }) => ejected.includes(address ?? '')) && after()
    }).catch(() => Number.NaN),
    until('its health check fails', async () => {
      const { health } = (await registry.getInstance({ instance: 'users-2' })).instance ?? {}
      return health === InstanceHealth.FAILING && after()
    }),
  ])
  await requests.during(Math.max(0, frozenMs + 10_000 - requests.now()))
  const thawedMs = requests.now()
  process.kill(pid, 'SIGCONT')
  await requests.during(3000)
  await untilHealthy(mesh.url)
  await requests.during(2000)
  const account = await requests.stop('users-2 frozen')
  console.log(
    `frozen at ${Math.round(frozenMs)} ms, thawed at ${Math.round(thawedMs)} ms; ejected by Envoy after ${atEnvoy} ms, by the Console as a caller after ${atConsole} ms; failing after ${failing} ms`,
  )
  for (const kind of ['read', 'inside', 'write'] as const) expect(account.of(kind).failures).toEqual([])
})

/** @returns whether Envoy's outlier detection keeps requests from an address. */
async function isEjectedByEnvoy(address: string): Promise<boolean> {
  const { cluster_statuses } = await (await fetch(`http://127.0.0.1:${ports.envoyAdmin}/clusters?format=json`)).json()
  const users = cluster_statuses.find(({ name }: { name: string }) => name === 'users')
  return users.host_statuses.some(
    ({ address: { socket_address }, health_status }: HostStatus) =>
      `${socket_address.address}:${socket_address.port_value}` === address &&
      health_status.failed_outlier_check === true,
  )
}
interface HostStatus {
  address: { socket_address: { address: string; port_value: number } }
  health_status: { failed_outlier_check?: boolean }
}
