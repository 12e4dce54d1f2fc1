/** Envoys of a mesh whose Console is down: they have their configuration from the failover. */
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  envoyBinary,
  instance,
  meshState,
  signingKey,
  startUsers,
  until,
  usersContract,
} from '../console/server/control-plane/testbed.ts'
import { type Failover, startFailover } from '../envoy/failover.ts'
import { saveState, saveTrust } from '../envoy/saved-fixture.ts'
import { envoySpec } from './envoy.ts'
import { createHome, homeOf } from './home.ts'
import { portsFrom, requireFree, slotFor } from './ports.ts'
import { httpGet } from './ready.ts'
import { loadSecrets } from './secrets.ts'
import { createSupervisor, type Supervisor } from './supervisor.ts'
import type { MeshConfig } from './topology.ts'

let config: MeshConfig
let users: Awaited<ReturnType<typeof startUsers>>
let failover: Failover
let supervisor: Supervisor
let token: string
const placeOf = new Map<string, { edge: number; admin: number }>()

beforeAll(async () => {
  const home = homeOf({ SITE11_HOME: mkdtempSync(join(tmpdir(), 'site11-envoys-')) })
  createHome(home)
  const ports = await freePorts()
  const secrets = loadSecrets(home.secrets, [])
  const publicUrl = `http://localhost:${ports.edge}`
  config = {
    ...{ home, ports, bind: '127.0.0.1', publicUrl, healthUrl: `http://127.0.0.1:${ports.edge}/health`, secrets },
    ...{ engines: { envoy: envoyBinary(), mongod: '', redis: '' }, services: [], env: process.env, tls: undefined },
  }
  const key = await signingKey('k1')
  token = await key.token('users:read')
  users = await startUsers('users-1')
  const slot = await slotFor(ports.edge, [])
  placeOf.set('envoy-1', { edge: ports.edge, admin: ports.envoyAdmin })
  placeOf.set('envoy-2', { edge: slot, admin: await slotFor(ports.edge, [slot]) })
  const services = [{ name: 'users', contract: usersContract, instances: [instance('users-1', users.port)] }]
  for (const [name, { edge: port }] of placeOf) {
    const edge = { address: '127.0.0.1', port }
    saveState(home.folder, name, meshState({ services, jwks: { keys: [key.jwk] }, edge }))
  }
  supervisor = createSupervisor({
    logs: home.logs,
    print: () => {},
    watched: () => false,
    recorded: () => {},
    instance: async (_, name) => specOf(name),
  })
  failover = await startFailover({
    listen: { host: '127.0.0.1', port: ports.failover },
    console: { host: '127.0.0.1', port: ports.consoleGrpc },
    joinToken: secrets.joinToken,
    home: home.folder,
    trustFile: saveTrust(home.folder),
    log: supervisor.say,
  })
  await supervisor.startStage([specOf('envoy-1')], 'envoy')
  await supervisor.scale(new Map([['envoy', 2]]))
})
afterAll(async () => {
  await supervisor?.stop()
  await failover?.close()
  users?.stop()
  rmSync(config.home.folder, { recursive: true })
})

async function freePorts() {
  for (let edge = 24_000; ; edge += 200) {
    const ports = portsFrom(String(edge))
    const free = await requireFree(ports).then(
      () => true,
      () => false,
    )
    if (free) return ports
  }
}

const specOf = (name: string) => envoySpec(config, name, placeOf.get(name) ?? expect.fail())

/** A request over a connection of its own. Resolves to its status, or to the code of the error of its connection. */
function get(name: string, id = 'u1'): Promise<number | string> {
  return new Promise(resolve => {
    const url = `http://127.0.0.1:${placeOf.get(name)?.edge}/api/v1/users/${id}`
    const headers = { authorization: `Bearer ${token}` }
    const call = request(url, { agent: false, headers }, response => {
      response.resume()
      response.on('end', () => resolve(response.statusCode ?? 0))
      response.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''))
    })
    call.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''))
    call.end()
  })
}

test('each has a port of its own, and is ready without a Console', async () => {
  expect(supervisor.statuses()).toMatchObject([
    { name: 'envoy-1', state: 'healthy', address: `127.0.0.1:${config.ports.edge}` },
    { name: 'envoy-2', state: 'healthy' },
  ])
  expect([await get('envoy-1'), await get('envoy-2')]).toEqual([200, 200])
})

test('a rolling restart fails no request of those who go to the other one when they are refused', async () => {
  const outcomes = new Map<number | string, number>()
  let running = true
  const load = (async () => {
    while (running) {
      const first = await get('envoy-1')
      // A connection that was still in the queue when the listener closed is reset, unread.
      const outcome = ['ECONNREFUSED', 'ECONNRESET'].includes(String(first)) ? await get('envoy-2') : first
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    }
  })()
  const before = supervisor.statuses().map(({ pid }) => pid)
  await supervisor.restart('envoy')
  running = false
  await load
  expect([...outcomes.keys()]).toEqual([200])
  for (const [index, { pid }] of supervisor.statuses().entries()) expect(pid).not.toBe(before[index])
})

test('one that is drained refuses new connections and ends the requests that it has', async () => {
  const admin = `http://127.0.0.1:${placeOf.get('envoy-2')?.admin}`
  const slow = get('envoy-2', 'slow')
  const active = async () => (await httpGet(`${admin}/stats?filter=^http.edge.downstream_rq_active$`)).body
  await until('the request under way', async () => (await active()).includes(': 1'))
  let drained = false
  const draining = specOf('envoy-2')
    .drain?.(AbortSignal.timeout(20_000))
    .then(() => {
      drained = true
    })
  await until('the listener to close', async () => (await get('envoy-2')) === 'ECONNREFUSED')
  expect(drained).toBe(false)
  expect(await slow).toBe(504)
  await draining
})
