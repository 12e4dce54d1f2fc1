/** A real Envoy, the control plane of the Console, and the failover between them. */
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { MeshState } from '../console/server/control-plane/state.ts'
import {
  instance,
  meshState,
  signingKey,
  startControlPlane,
  startEnvoy,
  startUsers,
  until,
  usersContract,
} from '../console/server/control-plane/testbed.ts'
import { type Failover, startFailover } from './failover.ts'
import { saveTrust } from './saved-fixture.ts'

const joinToken = 'the join token of the tests'
const host = '127.0.0.1'

let users: Awaited<ReturnType<typeof startUsers>>
let state: MeshState
let token: string
let home: string
let consolePort: number
let failover: Failover
let said: string[]
let stops: (() => unknown)[]

beforeAll(async () => {
  const key = await signingKey('k1')
  token = await key.token('users:read')
  users = await startUsers('users-1')
  const services = [{ name: 'users', contract: usersContract, instances: [instance('users-1', users.port)] }]
  state = meshState({ services, jwks: { keys: [key.jwk] } })
  const plane = await startControlPlane(joinToken)
  consolePort = plane.port
  plane.stop()
})
afterAll(() => users?.stop())

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'site11-failover-'))
  said = []
  failover = await startFailover({
    ...{ listen: { host, port: 0 }, console: { host, port: consolePort }, joinToken, home },
    trustFile: saveTrust(home),
    log: (level, message) => said.push(`${level} ${message}`),
  })
  stops = [() => failover.close(), () => rmSync(home, { recursive: true })]
})
afterEach(async () => {
  for (const stop of stops) await stop()
})

async function startConsole() {
  const { controlPlane, stop } = await startControlPlane(joinToken, { wantedPort: consolePort, home })
  controlPlane.publish(state, 1)
  stops.unshift(stop)
  /** Once a proxy has taken everything. */
  const taken = async () => {
    await until('a proxy at the Console', () => controlPlane.proxies().length > 0)
    expect(await controlPlane.waitForAcks({ timeoutMs: 5000 })).toMatchObject({ waiting: [] })
  }
  return { taken, stop }
}

async function start(more: { delta: boolean }) {
  const began = performance.now()
  const envoy = await startEnvoy('envoy-1', consolePort, joinToken, {
    failover: { host, port: failover.port },
    ...more,
  })
  let stopped: Promise<void> | undefined
  const stop = () => {
    stopped ??= envoy.stop()
    return stopped
  }
  stops.unshift(stop)
  return { ...envoy, stop, startedMs: performance.now() - began }
}

function get(edge: number, agent: Agent): Promise<number> {
  return new Promise(resolve => {
    const headers = { authorization: `Bearer ${token}` }
    const call = request(`http://${host}:${edge}/api/v1/users/u1`, { agent, headers }, response => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0))
    })
    call.on('error', () => resolve(0))
    call.end()
  })
}

/** One request after another until it is stopped. */
function startTraffic(edge: number) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const statuses: number[] = []
  let running = true
  const load = (async () => {
    while (running) statuses.push(await get(edge, agent))
  })()
  const stop = async () => {
    running = false
    await load
    agent.destroy()
    return new Set(statuses)
  }
  const more = (count: number) => {
    const wanted = statuses.length + count
    return until(`${count} more requests`, () => statuses.length >= wanted)
  }
  return { stop, more }
}

describe.each([
  { name: 'state of the world', delta: false },
  { name: 'delta', delta: true },
])('an Envoy with $name', ({ delta }) => {
  it('that starts while the Console is down serves what it accepted last, and goes back unnoticed by traffic', async () => {
    const first = await startConsole()
    const before = await start({ delta })
    await first.taken()
    first.stop()
    await before.stop()

    const envoy = await start({ delta })
    expect(envoy.startedMs).toBeLessThan(3000)
    const traffic = startTraffic(envoy.edge)
    await traffic.more(50)
    const second = await startConsole()
    await second.taken()
    await traffic.more(50)
    const soFar = said.length
    second.stop()
    await traffic.more(200)
    const third = await startConsole()
    await third.taken()
    await traffic.more(50)
    expect(await traffic.stop()).toEqual(new Set([200]))
    // One that has been at the Console waits for the Console.
    expect(said.slice(soFar)).toEqual([])
    for (const stat of ['listener_modified', 'total_listeners_draining']) {
      expect(await envoy.stat(`listener_manager.${stat}`), stat).toBe(0)
    }
  })

  it('of which nothing is saved waits for the Console', async () => {
    const starting = start({ delta })
    await until('the failover to be asked', () => said.some(line => line.includes('nothing is saved')))
    const console = await startConsole()
    const envoy = await starting
    await console.taken()
    expect(await get(envoy.edge, new Agent())).toBe(200)
  })
})
