/** The control plane under faults while requests go on: each of these is counted, and every failure would have to be explained. */

import { EndpointStatus } from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import { InstanceHealth } from '@site11/proto/es/site11/console/v1/registry_service_pb.ts'
import type { User } from '@site11/proto/es/site11/users/v1/user_pb.ts'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { admin, createUser } from './accounts.ts'
import { apiOver, mesh } from './api.ts'
import { meshCommand } from './cli.ts'
import { contractOf, type FakeInstance, startFake } from './fake-instance.ts'
import { send } from './http.ts'
import { pidsOf, untilHealthy } from './processes.ts'
import { startTraffic } from './traffic.ts'
import { until } from './until.ts'

const { registry, diagnostics } = apiOver('gRPC', admin)
const leaseMs = 10_000
let user: User
const fakes: FakeInstance[] = []

async function fake(...options: Parameters<typeof startFake>): Promise<FakeInstance> {
  const started = await startFake(...options)
  fakes.push(started)
  return started
}

async function command(...args: string[]) {
  const { code, stdout, stderr } = await meshCommand(args, mesh.settings)
  if (code !== 0) throw new Error(`mesh ${args.join(' ')}: ${stdout}${stderr}`)
}

const kill = async (name: string, signal: NodeJS.Signals) => {
  const pid = (await pidsOf(mesh.settings))[name]
  if (pid === undefined) throw new Error(`${name} does not run`)
  process.kill(pid, signal)
  return pid
}

const traffic = async () => startTraffic({ url: mesh.url, userId: user.id, token: (await admin()) ?? '' })

/** What everybody believes of an instance: undefined when nobody knows it. */
async function beliefsOf(name: string) {
  const { instances } = await diagnostics.listBeliefs({})
  return instances.find(({ instance }) => instance?.instance === name)
}

/** Whether registry, health and every proxy take it for one to be sent requests. */
async function isServing(name: string): Promise<boolean> {
  const found = await beliefsOf(name)
  return (
    found?.registered === true &&
    found.instance?.health === InstanceHealth.HEALTHY &&
    !found.instance.draining &&
    found.proxies.length > 0 &&
    found.proxies.every(({ status }) => status === EndpointStatus.HEALTHY)
  )
}

/** Whether nobody sends it anything. */
async function isOut(name: string): Promise<boolean> {
  const found = await beliefsOf(name)
  if (!found) return true
  return (
    found.instance?.health !== InstanceHealth.HEALTHY &&
    found.proxies.every(({ status }) => status !== EndpointStatus.HEALTHY)
  )
}

const isForgotten = async (name: string) => (await beliefsOf(name)) === undefined

/** Waits for it and @returns after how many ms it was so. */
async function took(what: string, condition: () => Promise<boolean>, timeoutMs?: number): Promise<number> {
  const began = Date.now()
  await until(what, condition, timeoutMs)
  return Date.now() - began
}

beforeAll(async () => {
  await command('scale', 'users=2')
  await untilHealthy(mesh.url)
  user = await createUser({ displayName: 'Steady' })
})
afterEach(async () => {
  if (fakes.length === 0) return
  for (const each of fakes.splice(0)) each.kill()
  // Refused while it has instances, which it has until their leases end.
  await until('what the test made up is forgotten', async () =>
    registry.removeService({ service: 'widgets' }).then(Boolean),
  )
  await untilHealthy(mesh.url)
})
afterAll(async () => {
  await command('scale', 'users=1')
  await untilHealthy(mesh.url)
})

test('the Console killed and restarted, three times: no request fails', async () => {
  const requests = await traffic()
  await requests.more(300)
  for (let round = 0; round < 3; round++) {
    const before = await kill('console', 'SIGKILL')
    await until('another Console runs', async () => ((await pidsOf(mesh.settings)).console ?? before) !== before)
    await untilHealthy(mesh.url)
    await requests.more(300)
  }
  const { failures } = await requests.stop('the Console killed three times')
  expect(failures).toEqual([])
})

test('an Envoy started while the Console is down serves what it accepted last, and returns to the Console unnoticed', async () => {
  const token = await admin()
  await command('stop', 'console')
  const killed = Date.now()
  await kill('envoy-1', 'SIGKILL')
  const read = () => send(mesh.url, `/api/v1/users/${user.id}`, { token })
  await until('requests are answered without a Console', async () => (await read()).status === 200)
  console.log(`Envoy killed with the Console down: serves again after ${Date.now() - killed} ms`)
  expect((await send(mesh.url, '/health')).status).toBe(503)
  const requests = await traffic()
  await requests.more(300)
  await command('restart', 'console')
  await untilHealthy(mesh.url)
  await until('Envoy is connected to the Console', async () => (await registry.listProxies({})).proxies.length === 1)
  await requests.more(600)
  const { failures } = await requests.stop('the Console back under an Envoy started without it')
  expect(failures).toEqual([])
})

test('what Envoy refuses is seen, named with its cause and taken back; requests and other changes go on', async () => {
  const requests = await traffic()
  await (await fake({ service: 'widgets', instance: 'widgets-1' })).welcome
  await until('the first contract is in force', async () => (await send(mesh.url, pathOf(0))).status === 401)
  await (await fake({ service: 'widgets', instance: 'widgets-2', contract: contractOf('widgets', 1000) })).welcome
  const finding = await until('the refused contract is diagnosed', async () => {
    const { findings } = await diagnostics.diagnose({})
    return findings.find(({ subject, problem }) => subject === 'services/widgets' && /contract/i.test(problem))
  })
  expect(`${finding.problem} ${finding.cause}`).toMatch(/regex/)
  const { changes } = await diagnostics.listChanges({ filter: 'action = "proxy.refused"', pageSize: 1 })
  expect(changes[0]).toMatchObject({ subject: 'proxies/envoy-1', reason: expect.stringContaining('regex') })
  const verdict = await diagnostics.listChanges({ filter: 'action = "service.contract_refused"', pageSize: 1 })
  expect(verdict.changes[0]).toMatchObject({ subject: 'services/widgets' })
  expect((await send(mesh.url, '/health')).text).toContain('widgets')
  // The contract before it is in force, and what others change goes on being taken.
  expect((await send(mesh.url, pathOf(0))).status).toBe(401)
  const { change } = await registry.drainInstance({ instance: 'users-2', reason: 'a change after the refused one' })
  expect(await diagnostics.waitForAcks({ change })).toMatchObject({ taken: true, waiting: [] })
  await registry.resumeInstance({ instance: 'users-2' })
  await until('users-2 serves', () => isServing('users-2'))
  const { failures } = await requests.stop('a contract that Envoy refuses')
  expect(failures).toEqual([])
})

const pathOf = (method: number) => `/api/v1/widgets/${method}-${'long-'.repeat(20)}`

test('of two proxies one is frozen: the other goes on, and WaitForAcks says whom it waits for', async () => {
  await command('scale', 'envoy=2')
  await until('both are connected', async () => (await registry.listProxies({})).proxies.length === 2)
  const requests = await traffic()
  await kill('envoy-2', 'SIGSTOP')
  try {
    const { change } = await registry.drainInstance({ instance: 'users-2', reason: 'while a proxy is frozen' })
    const waited = await diagnostics.waitForAcks({ change, timeout: { seconds: 2n } })
    expect(waited).toMatchObject({ taken: false, change, waiting: [{ nodeId: 'envoy-2' }] })
    const [waiting] = waited.waiting
    expect(waiting?.reason).toMatch(/not answered/)
    const proxies = (await beliefsOf('users-2'))?.proxies
    expect(proxies?.map(({ nodeId, status }) => [nodeId, status])).toEqual([
      ['envoy-1', EndpointStatus.DRAINING],
      ['envoy-2', EndpointStatus.HEALTHY],
    ])
    await until('the frozen one is diagnosed', async () => {
      const { findings } = await diagnostics.diagnose({})
      return findings.some(({ subject }) => subject === 'proxies/envoy-2')
    })
    await requests.more(300)
  } finally {
    await kill('envoy-2', 'SIGCONT')
  }
  expect(await diagnostics.waitForAcks({})).toMatchObject({ taken: true })
  await registry.resumeInstance({ instance: 'users-2' })
  expect(await diagnostics.waitForAcks({})).toMatchObject({ taken: true })
  const { failures } = await requests.stop('one of two proxies frozen')
  expect(failures).toEqual([])
  await command('scale', 'envoy=1')
  await until('one is left', async () => (await registry.listProxies({})).proxies.length === 1)
})

describe('no zombie, and nothing wrong for longer than the lease:', () => {
  test('an instance that is frozen is sent nothing, is forgotten, and returns as the same', async () => {
    await until('users-2 serves', () => isServing('users-2'))
    await kill('users-2', 'SIGSTOP')
    try {
      const out = await took('it is sent nothing', () => isOut('users-2'))
      const forgotten = await took('it is forgotten', () => isForgotten('users-2'))
      console.log(`users-2 frozen: sent nothing after ${out} ms, forgotten after ${out + forgotten} ms`)
      expect(out).toBeLessThan(leaseMs)
      expect(out + forgotten).toBeLessThan(leaseMs + 3000)
    } finally {
      await kill('users-2', 'SIGCONT')
    }
    await until('it serves again', () => isServing('users-2'))
  })

  test('an instance that is killed is sent nothing, and its next process is the same instance', async () => {
    const before = (await registry.getInstance({ instance: 'users-2' })).instance
    await kill('users-2', 'SIGKILL')
    const back = await until('another process serves', async () => {
      const { instance } = await registry.getInstance({ instance: 'users-2' })
      return instance?.startTime?.seconds !== before?.startTime?.seconds && (await isServing('users-2')) && instance
    })
    expect(back).toMatchObject({ address: before?.address, service: 'users' })
    expect((await registry.listInstances({ service: 'users' })).instances).toHaveLength(2)
  })

  test('one that returns elsewhere is sent requests there and nowhere else', async () => {
    const first = await fake({ service: 'widgets', instance: 'widgets-1' })
    await until('it serves', () => isServing('widgets-1'))
    first.kill()
    const second = await fake({ service: 'widgets', instance: 'widgets-1' })
    await second.welcome
    const moved = await took('it serves elsewhere', async () => {
      const found = await beliefsOf('widgets-1')
      return found?.instance?.address === second.address && (await isServing('widgets-1'))
    })
    console.log(`widgets-1 at another address: believed by all after ${moved} ms`)
    expect(moved).toBeLessThan(leaseMs)
  })

  test('two at one address: the second is refused while the first lives, and takes its place when that is dead', async () => {
    const first = await fake({ service: 'widgets', instance: 'widgets-1' })
    await first.welcome
    // Once may be a start that came too early; who tries again has a problem.
    for (let attempt = 0; attempt < 2; attempt++) {
      const second = await fake({ service: 'widgets', instance: 'widgets-2', address: first.address })
      await expect(second.welcome).rejects.toThrow(/widgets-1/)
    }
    const { findings } = await diagnostics.diagnose({})
    expect(findings.filter(({ subject }) => subject === 'instances/widgets-2')).not.toEqual([])
    first.kill()
    const began = Date.now()
    await until('the second is welcome', async () => {
      const again = await fake({ service: 'widgets', instance: 'widgets-2', address: first.address })
      return again.welcome.then(
        () => true,
        () => false,
      )
    })
    expect(Date.now() - began).toBeLessThan(leaseMs + 1000)
    await until('the first is forgotten', () => isForgotten('widgets-1'))
  })
})

test('a clock that is off is named, with by how much, and harms nobody', async () => {
  await (await fake({ service: 'widgets', instance: 'widgets-1' }, { clockMs: 3_600_000 })).welcome
  await until('it serves', () => isServing('widgets-1'))
  const { findings } = await diagnostics.diagnose({})
  const finding = findings.find(({ subject, problem }) => subject === 'instances/widgets-1' && /clock/.test(problem))
  expect(finding?.problem).toMatch(/3600|1 h|60 min|1h/)
})

test('who drained an instance is in the journal, and the journal is proven whole', async () => {
  const me = (await apiOver('REST', admin).auth.getMe({})).userId
  await registry.drainInstance({ instance: 'users-2', reason: 'a new disk' })
  const { changes } = await diagnostics.listChanges({ filter: 'subject = "instances/users-2"', pageSize: 1 })
  expect(changes[0]).toMatchObject({ actor: `users/${me}`, action: 'instance.drained', reason: 'a new disk' })
  const { change } = await registry.resumeInstance({ instance: 'users-2' })
  expect(await diagnostics.waitForAcks({ change })).toMatchObject({ taken: true })
  const proof = await diagnostics.verifyChanges({})
  expect(proof).toMatchObject({ valid: true, brokenChange: 0n })
  expect(proof.count).toBeGreaterThan(10n)
})
