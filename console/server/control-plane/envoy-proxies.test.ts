/** Several real Envoys at once, one of them frozen; and what is saved of each. */

import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '@site11/runtime/test-ports.ts'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { bearer } from './edge-fixture.ts'
import { endpointType, typeUrls } from './snapshot.ts'
import {
  instance,
  meshState,
  signingKey,
  startControlPlane,
  startEnvoy,
  startUsers,
  until,
  usersContract,
} from './testbed.ts'

type Envoy = Awaited<ReturnType<typeof startEnvoy>>

let home: string
let plane: Awaited<ReturnType<typeof startControlPlane>>
let users: Awaited<ReturnType<typeof startUsers>>
let key: Awaited<ReturnType<typeof signingKey>>
let envoys: [Envoy, Envoy]
let port: number
let change = 0

const publish = (count: number) => {
  const instances = Array.from({ length: count }, (_, index) => instance(`users-${index}`, users.port))
  const services = [{ name: 'users', contract: usersContract, instances }]
  plane.controlPlane.publish(meshState({ services, jwks: { keys: [key.jwk] } }), ++change)
}
const acked = (timeoutMs = 5_000) => plane.controlPlane.waitForAcks({ timeoutMs })
const proxy = (nodeId: string) => plane.controlPlane.proxies().find(each => each.nodeId === nodeId)
const get = async (edge: number, token: string) =>
  (await fetch(`http://127.0.0.1:${edge}/api/v1/users/u1`, { headers: bearer(token) })).status

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'site11-home-'))
  key = await signingKey('k1')
  users = await startUsers('users-0')
  // A frozen proxy is noticed after 20 s to 30 s in the mesh; here sooner.
  const options = { 'grpc.keepalive_time_ms': 2_000, 'grpc.keepalive_timeout_ms': 3_000 }
  plane = await startControlPlane('secret', { home, options })
  publish(1)
  port = await freePort()
  envoys = await Promise.all([
    startEnvoy('envoy-1', plane.port, 'secret'),
    startEnvoy('envoy-2', plane.port, 'secret', { delta: true, edge: { host: '127.0.0.1', port } }),
  ])
  expect(await acked()).toEqual({ change: 1, waiting: [] })
})

afterAll(async () => {
  await Promise.all((envoys ?? []).map(envoy => envoy.stop()))
  plane?.stop()
  users?.stop()
  rmSync(home, { recursive: true })
})

it('each has its public listener where it says', async () => {
  expect(envoys[1].edge).toBe(port)
  const token = await key.token('users:read')
  expect(await Promise.all(envoys.map(({ edge }) => get(edge, token)))).toEqual([200, 200])
  expect(plane.controlPlane.proxies().map(({ nodeId, client }) => [nodeId, client])).toEqual([
    ['envoy-1', expect.stringMatching(/^envoy \d+\.\d+\.\d+$/)],
    ['envoy-2', expect.stringMatching(/^envoy \d+\.\d+\.\d+$/)],
  ])
})

it('one that is frozen is named, the other goes on; going on itself, it takes the newest alone', async () => {
  const [, frozen] = envoys
  const sent = await frozen.stat('cluster.users.update_success')
  frozen.signal('SIGSTOP')
  for (let count = 2; count <= 6; count++) {
    publish(count)
    await until('envoy-1', () => proxy('envoy-1')?.takenChange === change)
  }
  expect(await acked(100)).toEqual({
    change,
    waiting: [
      {
        nodeId: 'envoy-2',
        reason: expect.stringMatching(/^has not answered endpoints version \w+ sent \d\.\d s ago$/),
      },
    ],
  })
  const beliefs = plane.controlPlane.beliefs().map(({ endpoints }) => endpoints.size)
  expect(beliefs).toEqual([6, 1])
  expect(await get(envoys[0].edge, await key.token('users:read'))).toBe(200)
  frozen.signal('SIGCONT')
  expect(await acked()).toEqual({ change, waiting: [] })
  expect(plane.controlPlane.beliefs()[1]?.endpoints.size).toBe(6)
  expect(await frozen.stat('cluster.users.update_success')).toBe(sent + 2)
})

it('one that stays frozen is given up, and is one proxy again when it comes back', async () => {
  const [, frozen] = envoys
  frozen.signal('SIGSTOP')
  publish(3)
  expect(await acked(15_000)).toEqual({
    change,
    waiting: [
      { nodeId: 'envoy-2', reason: expect.stringMatching(/^lost its stream \d\.\d s ago and has not come back$/) },
    ],
  })
  expect(plane.controlPlane.proxies().map(({ nodeId }) => nodeId)).toEqual(['envoy-1'])
  frozen.signal('SIGCONT')
  await until('it to be back', () => proxy('envoy-2')?.takenChange === change)
  expect(plane.controlPlane.proxies()).toHaveLength(2)
  expect(await acked()).toEqual({ change, waiting: [] })
})

it('what each has accepted is saved, readable by its owner only, in the order in which a proxy asks', async () => {
  const path = (nodeId: string) => join(home, 'envoy', `${nodeId}.snapshot.json`)
  const saved = (nodeId: string) =>
    existsSync(path(nodeId)) ? JSON.parse(readFileSync(path(nodeId), 'utf8')) : undefined
  for (const nodeId of ['envoy-1', 'envoy-2']) {
    await until('it to be saved', () => saved(nodeId)?.change === change)
    expect(statSync(path(nodeId)).mode & 0o777).toBe(0o600)
    const { responses, ...about } = saved(nodeId)
    expect(about).toEqual({ version: 1, nodeId, change, savedAt: expect.any(String) })
    const types = responses.map((response: { typeUrl: string }) => response.typeUrl)
    expect(types).toEqual(typeUrls)
    const endpoints = responses.find((response: { typeUrl: string }) => response.typeUrl === endpointType)
    expect(endpoints.versionInfo).toBe(proxy(nodeId)?.types.find(type => type.typeUrl === endpointType)?.ackedVersion)
    expect(endpoints.resources.map((each: { name: string }) => each.name).sort()).toEqual([
      'console-http',
      'statistics',
      'users',
    ])
  }
  expect(plane.controlPlane.problems()).toEqual([])
})
