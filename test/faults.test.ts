/** Faults while three hundred requests a second go on, over two instances: each request is counted, and every failure explained. */

import { setTimeout as delay } from 'node:timers/promises'
import { CallState, InstanceHealth } from '@site11/proto/es/site11/console/v1/registry_service_pb.ts'
import { type ServiceError, unavailable } from '@site11/runtime/errors.ts'
import { decodeProtectedHeader } from 'jose'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { portsFrom } from '../mesh/ports.ts'
import { admin, createUser, login } from './accounts.ts'
import { apiOver, mesh, refusalOf, type TransportName, transports } from './api.ts'
import { startAnswering, startCalling } from './calling-instance.ts'
import { meshCommand } from './cli.ts'
import { type Kind, kinds, type MixedAccount, type MixedTraffic, startMixedTraffic, usual } from './mixed-traffic.ts'
import { pidsOf, untilHealthy } from './processes.ts'
import { ageSigningKeys, letNewestKeySign } from './signing.ts'
import { until } from './until.ts'

const { registry, diagnostics } = apiOver('gRPC', admin)
const ports = portsFrom(String(mesh.port))
let userIds: string[]

beforeAll(async () => {
  expect(await meshCommand(['scale', 'users=2'], mesh.settings)).toMatchObject({ code: 0 })
  await untilHealthy(mesh.url)
  userIds = await Promise.all(Array.from({ length: 50 }, async () => (await createUser({})).id))
})
afterEach(async () => {
  for (const pid of frozen) thaw(pid)
  await going?.end()
  await untilHealthy(mesh.url)
})
afterAll(async () => {
  await meshCommand(['scale', 'users=1'], mesh.settings)
})

const pidOf = async (name: string) => (await pidsOf(mesh.settings))[name] ?? expect.fail(`${name} does not run`)

/** Those that a test has frozen. */
const frozen = new Set<number>()
function freeze(pid: number) {
  process.kill(pid, 'SIGSTOP')
  frozen.add(pid)
}
function thaw(pid: number) {
  if (frozen.delete(pid)) process.kill(pid, 'SIGCONT')
}

/** Of the test that runs. */
let going: MixedTraffic | undefined
async function traffic(turns?: readonly Kind[]): Promise<MixedTraffic> {
  going = startMixedTraffic({ url: mesh.url, userIds, token: (await admin()) ?? '', ...(turns && { turns }) })
  return going
}

const repeatable = ['read', 'inside', 'write'] as const

/**
 * Nothing fails that may be sent again, but for answers that had begun at the moment of the fault: node:http2 sends the trailers of an
 * answer a turn of its event loop after the rest, and what has begun cannot be had from another instance. Over gRPC the caller sees that it
 * was cut. Over REST it cannot be told from any other that took too long: that it had begun is inferred from when it was sent.
 */
function expectRepeated({ of }: MixedAccount, faultMs: number) {
  const failures = repeatable.flatMap(kind => of(kind).failures)
  const atFault = failures.filter(({ dueMs }) => dueMs < faultMs && dueMs > faultMs - 1000)
  const cut = atFault.filter(({ protocol, problem }) => protocol === 'gRPC' && problem.includes('RST_STREAM'))
  const inferred = atFault.filter(({ protocol, problem }) => protocol === 'REST' && /^50[34]/.test(problem))
  console.log(
    `  of what may be sent again failed: ${cut.length} cut over gRPC, ${inferred.length} over REST at the same moment, ${failures.length - cut.length - inferred.length} others`,
  )
  expect(failures.filter(each => !cut.includes(each) && !inferred.includes(each))).toEqual([])
}

test('an instance killed -9: nothing fails that may be sent again', async () => {
  const pid = await pidOf('users-2')
  const requests = await traffic()
  await requests.during(3000)
  const killedMs = requests.now()
  process.kill(pid, 'SIGKILL')
  await until('another process serves', async () => (await pidOf('users-2')) !== pid)
  await untilHealthy(mesh.url)
  await requests.during(2000)
  const account = await requests.stop('users-2 killed')
  expectRepeated(account, killedMs)
  // Those that were under way there may have been done: the caller is told that they were lost.
  for (const { problem, dueMs } of account.of('once').failures) {
    expect(problem).toMatch(/lost before it answered|RST_STREAM/)
    // As long as a request may take.
    expect(Math.abs(dueMs - killedMs)).toBeLessThan(10_000)
  }
})

test('an instance frozen: it is passed over, and nobody waits for it any more within 5 s', async () => {
  const pid = await pidOf('users-2')
  const requests = await traffic()
  await requests.during(4000)
  const { address } = (await registry.getInstance({ instance: 'users-2' })).instance ?? {}
  const frozenMs = requests.now()
  freeze(pid)
  const after = () => Math.round(requests.now() - frozenMs)
  const [atEnvoy, atConsole, failing] = await Promise.all([
    until('Envoy has ejected it', async () => (await isEjectedByEnvoy(address ?? '')) && after()),
    until('the Console has ejected it', async () => {
      const { calls } = (await registry.getInstance({ instance: 'console-1' })).instance ?? {}
      return calls?.some(({ ejected }) => ejected.includes(address ?? '')) && after()
    }),
    until('its health check fails', async () => {
      const { health } = (await registry.getInstance({ instance: 'users-2' })).instance ?? {}
      return health === InstanceHealth.FAILING && after()
    }),
  ])
  // Longer than any call may take: none ends by the thaw.
  await requests.during(Math.max(0, frozenMs + 12_000 - requests.now()))
  const thawedMs = requests.now()
  thaw(pid)
  await requests.during(3000)
  await untilHealthy(mesh.url)
  await requests.during(2000)
  const account = await requests.stop('users-2 frozen')
  console.log(
    `frozen at ${Math.round(frozenMs)} ms, thawed at ${Math.round(thawedMs)} ms; ejected by Envoy after ${atEnvoy} ms, by the Console as a caller after ${atConsole} ms; failing after ${failing} ms`,
  )
  expectRepeated(account, frozenMs)
  expect(Math.max(atEnvoy, atConsole)).toBeLessThan(5000)
  expect(account.p99(frozenMs + 5000, thawedMs)).toBeLessThan(1000)
  expect(account.all.filter(({ dueMs, problem }) => problem && dueMs > frozenMs + 5000)).toEqual([])
  // What may not be sent again waits for as long as it may, but is answered.
  for (const { problem } of account.of('once').failures) expect(problem).toMatch(/DEADLINE_EXCEEDED|^504/)
})

test('the breaker of a service opens, half-opens and closes, and all can see it', async () => {
  const gadgets = await startAnswering('gadgets')
  const widgets = await startCalling('widgets', 'gadgets')
  try {
    await gadgets.welcome
    const log: { phase: string; ms: number; tookMs: number; outcome: string }[] = []
    const began = performance.now()
    let phase = 'well'
    let ended = false
    const ask = async () => {
      const ms = performance.now() - began
      const own = phase
      const outcome = await widgets.client.getUser({ id: userIds[0] ?? '' }, { timeoutMs: 1000 }).then(
        () => 'OK',
        (error: ServiceError) => error.details.reason ?? String(error.code),
      )
      log.push({ phase: own, ms, tookMs: performance.now() - began - ms, outcome })
    }
    await until('it is called', () => widgets.client.getUser({ id: userIds[0] ?? '' }).then(() => true))
    const asking = (async () => {
      while (!ended) {
        void ask()
        await delay(20)
      }
    })()
    const shown = async () => {
      const { calls } = (await registry.getInstance({ instance: 'widgets-1' })).instance ?? {}
      return calls?.find(({ service, method }) => service === 'gadgets' && method === '')?.state
    }
    const findings = async () => {
      const { findings } = await diagnostics.diagnose({})
      return findings.filter(({ code, subject }) => code === 'BREAKER_OPEN' && subject === 'instances/widgets-1')
    }
    await until('it is shown closed', async () => (await shown()) === CallState.CLOSED)
    const counts = { well: gadgets.calls(), failing: 0, hanging: 0, again: 0 }
    phase = 'failing'
    gadgets.answer(async () => Promise.reject(unavailable('It is not well.')))
    await until('it is shown open', async () => (await shown()) === CallState.OPEN)
    const [finding] = await until('it is diagnosed', async () => (await findings()).length > 0 && (await findings()))
    expect(finding?.problem).toContain('gadgets')
    counts.failing = gadgets.calls() - counts.well
    // Those that try whether it works wait now, and so the breaker stays half open.
    phase = 'hanging'
    gadgets.answer(({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', reject)))
    await until('it is shown half open', async () => (await shown()) === CallState.HALF_OPEN)
    counts.hanging = gadgets.calls() - counts.well - counts.failing
    phase = 'well again'
    gadgets.answer(async () => ({ user: undefined }))
    await until('it is shown closed again', async () => (await shown()) === CallState.CLOSED)
    await until('it is diagnosed no more', async () => (await findings()).length === 0)
    counts.again = gadgets.calls() - counts.well - counts.failing - counts.hanging
    ended = true
    await asking
    console.log(`breaker: calls that reached the service: ${JSON.stringify(counts)}`)
    for (const [name, list] of Map.groupBy(log, each => each.phase)) {
      const outcomes = [...Map.groupBy(list, ({ outcome }) => outcome)].map(([outcome, some]) => {
        const took = some.map(({ tookMs }) => tookMs).sort((a, b) => a - b)
        return `${some.length} ${outcome} (median ${Math.round(took[took.length >> 1] ?? 0)} ms, longest ${Math.round(took.at(-1) ?? 0)} ms)`
      })
      console.log(`  ${name}: ${list.length} calls: ${outcomes.join(', ')}`)
    }
    const reached = counts.failing + counts.hanging
    const asked = log.filter(({ phase }) => phase === 'failing' || phase === 'hanging').length
    expect(reached).toBeLessThan(asked / 2)
    // Nobody gets anything else, nobody waits for longer than it wanted, and most are told at once.
    expect(new Set(log.map(({ outcome }) => outcome))).toEqual(new Set(['OK', 'DEPENDENCY_UNAVAILABLE']))
    expect(Math.max(...log.map(({ tookMs }) => tookMs))).toBeLessThan(1500)
    expect(log.findLast(({ outcome }) => outcome !== 'OK')?.phase).not.toBe('well')
    expect(log.at(-1)?.outcome).toBe('OK')
  } finally {
    widgets.close()
    gadgets.kill()
  }
  for (const service of ['widgets', 'gadgets'])
    await until(`${service} is forgotten`, () => registry.removeService({ service }).then(Boolean))
})

test('a database that is frozen: answers come within bounds, nothing piles up, and all is well when it thaws', async () => {
  const pid = await pidOf('mongod')
  const requests = await traffic()
  await requests.during(2000)
  const frozenMs = requests.now()
  freeze(pid)
  await requests.during(8000)
  const thawedMs = requests.now()
  thaw(pid)
  await requests.during(8000)
  const account = await requests.stop('mongod frozen')
  console.log(`frozen at ${Math.round(frozenMs)} ms, thawed at ${Math.round(thawedMs)} ms`)
  const failures = account.all.filter(({ problem }) => problem)
  // ABORTED: changes of the same user that have waited come all at once.
  const known = /DEPENDENCY_UNAVAILABLE|OVERLOADED|UNAVAILABLE|DEADLINE_EXCEEDED|ABORTED|^409/
  expect(failures.filter(({ problem }) => !known.test(problem))).toEqual([])
  const lastFailureMs = Math.max(...failures.filter(({ kind }) => kind !== 'once').map(({ dueMs }) => dueMs)) - thawedMs
  console.log(`the last request that failed was due ${Math.round(lastFailureMs)} ms after the thaw`)
  expect(Math.max(...account.all.map(({ tookMs }) => tookMs))).toBeLessThan(12_000)
  expect(lastFailureMs).toBeLessThan(4000)
  expect(account.p99(thawedMs + 4000, thawedMs + 8000, repeatable)).toBeLessThan(1500)
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

// The last one: tokens from before it do not count after it.
test('the signing key replaced: nothing fails, and tokens of both keys count until the old one is done', async () => {
  const published = async () => (await (await fetch(`${mesh.url}/.well-known/jwks.json`)).json()).keys.length as number
  const signIn = async () => (await login(mesh.admin)).accessToken
  const keyOf = (token: string) => decodeProtectedHeader(token).kid
  // GetMe is the Console's, which starts anew twice here: what it alone can answer has to wait meanwhile.
  const requests = await traffic(usual.filter(kind => kind !== 'inside'))
  const old = await signIn()
  requests.use(old)
  await requests.during(1000)
  expect(await meshCommand(['rotate', 'keys'], mesh.settings)).toMatchObject({ code: 0 })
  await until('both keys are published', async () => (await published()) === 2)
  expect(keyOf(await signIn())).toBe(keyOf(old))
  await requests.during(1000)
  // Ten minutes later.
  await letNewestKeySign()
  await restartConsole()
  const young = await until('tokens are signed with the other key', async () => {
    const token = await signIn()
    return keyOf(token) !== keyOf(old) && token
  })
  expect(await published()).toBe(2)
  await requests.during(1000)
  requests.use(young)
  await requests.during(1000)
  for (const token of [old, young]) expect(await answersTo(token)).toEqual(['OK', 'OK', 'OK'])
  // Seventy minutes later: no token that the old key has signed is valid any more.
  await ageSigningKeys(71 * 60_000)
  await restartConsole()
  await until('one key is published', async () => (await published()) === 1)
  await until('the old token counts no more', async () =>
    (await answersTo(old)).every(answer => answer === 'TOKEN_INVALID'),
  )
  expect(await answersTo(young)).toEqual(['OK', 'OK', 'OK'])
  await requests.during(1000)
  const account = await requests.stop('the signing key replaced')
  for (const kind of kinds) expect(account.of(kind).failures).toEqual([])
})

async function restartConsole() {
  expect(await meshCommand(['restart', 'console'], mesh.settings)).toMatchObject({ code: 0 })
  await untilHealthy(mesh.url)
}

/** @returns what a token gets a caller over each protocol. */
function answersTo(token: string): Promise<string[]> {
  const ask = (transport: TransportName) => apiOver(transport, async () => token).users.getMe({})
  return Promise.all(
    transports.map(each =>
      ask(each).then(
        () => 'OK',
        () => refusalOf(ask(each)).then(({ reason }) => reason),
      ),
    ),
  )
}
