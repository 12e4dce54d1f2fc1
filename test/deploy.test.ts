/** Deployments while requests go on: each of these is counted, and every failure would have to be explained. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  DeploymentState,
  type Deployment as Message,
} from '@site11/proto/es/site11/console/v1/operations_service_pb.ts'
import type { User } from '@site11/proto/es/site11/users/v1/user_pb.ts'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Deployment } from '../mesh/deployment.ts'
import { discoverServices } from '../mesh/services.ts'
import { admin, createUser } from './accounts.ts'
import { apiOver, mesh, refusalOf, transports } from './api.ts'
import { type Checkout, checkoutOf } from './checkout.ts'
import { meshCommand, meshEnv, root } from './cli.ts'
import { pidsOf, untilHealthy } from './processes.ts'
import { startTraffic, type Traffic } from './traffic.ts'
import { until } from './until.ts'

/** What takes seconds takes longer where the machine has other work. ms. */
const longMs = 180_000
vi.setConfig({ testTimeout: longMs, hookTimeout: longMs })
/** How often each is deployed. Ten times take some minutes. */
const rounds = Number(process.env.SITE11_TEST_DEPLOYMENTS ?? 2)
const services = discoverServices(root).map(({ name }) => name)
const { registry, diagnostics, operations } = apiOver('gRPC', admin)
const checkouts: Checkout[] = []
let user: User

function checkout(...options: Parameters<typeof checkoutOf>): string {
  const made = checkoutOf(...options)
  checkouts.push(made)
  return made.folder
}

const command = (...args: string[]) => meshCommand(args, mesh.settings)
async function deploy(...args: string[]): Promise<{ code: number; deployment: Deployment }> {
  const { code, stdout, stderr } = await command('deploy', ...args, '--json')
  if (!stdout) throw new Error(stderr)
  return { code, deployment: JSON.parse(stdout) }
}

const scaled = (count: number) => command('scale', services.map(name => `${name}=${count}`).join(','))
const token = async () => (await admin()) ?? ''
let requests: Traffic | undefined
async function traffic(): Promise<Traffic> {
  requests = startTraffic({ url: mesh.url, userId: user.id, token: await token(), writes: true })
  return requests
}
/** The versions of Users that there are, and when their processes began. */
const instances = async () =>
  (await registry.listInstances({ service: 'users' })).instances.map(({ instance, version, startTime }) => ({
    instance,
    version,
    startTime,
  }))
const last = async (): Promise<Message> =>
  (await operations.listDeployments({ service: 'users' })).deployments[0] ?? expect.fail('nothing was deployed')

/** What is asked of every deployment of a version that serves well. */
async function noneFails(requests: Traffic, name: string) {
  await requests.more(300)
  const { failures, succeeded } = await requests.stop(name)
  expect(failures).toEqual([])
  return succeeded
}

beforeAll(async () => {
  await scaled(2)
  await untilHealthy(mesh.url)
  user = await createUser({ displayName: 'Steady' })
})
/** What one test leaves behind when it fails is no load, and no version, for the next. */
afterEach(async context => {
  if (context.task.result?.state !== 'fail') return
  await requests?.stop(`${context.task.name} (failed)`)
  await until(
    'no deployment is under way',
    async () => (await operations.listDeployments({})).deployments.every(({ endTime }) => endTime !== undefined),
    longMs,
  )
  await deploy('users', '--from', root)
  await scaled(2)
})
afterAll(async () => {
  await scaled(1)
  await untilHealthy(mesh.url)
  for (const { remove } of checkouts) remove()
})

describe('no request fails', () => {
  test.each([...services, 'console'])(
    `as %s is deployed ${rounds} times`,
    async service => {
      const requests = await traffic()
      await requests.more(300)
      for (let round = 0; round < rounds; round++) {
        requests.use(await token())
        const before = await pidsOf(mesh.settings)
        const { code, deployment } = await deploy(service)
        expect([code, deployment.state, deployment.reason]).toEqual([0, 'succeeded', ''])
        const after = await pidsOf(mesh.settings)
        const own = Object.keys(before).filter(name => name === service || name.startsWith(`${service}-`))
        expect(own.length).toBe(service === 'console' ? 1 : 2)
        expect(own.filter(name => before[name] === after[name])).toEqual([])
        expect(Object.keys(after)).toEqual(Object.keys(before))
        if (service === 'users') expect(deployment.requests).toBeGreaterThan(100)
        expect(deployment.failedRequests).toBe(0)
        await requests.more(300)
      }
      await noneFails(requests, `${service} deployed ${rounds} times`)
    },
    longMs + rounds * 30_000,
  )

  test('as the only instance is deployed: another one stands in meanwhile', async () => {
    await command('scale', 'users=1')
    await untilHealthy(mesh.url)
    const requests = await traffic()
    await requests.more(300)
    const { code, deployment } = await deploy('users')
    expect([code, deployment.state]).toEqual([0, 'succeeded'])
    expect(deployment.steps.filter(({ action }) => action === 'start').map(({ instance }) => instance)).toEqual([
      'users-2',
      'users-1',
    ])
    await noneFails(requests, 'the only instance deployed')
    expect((await instances()).map(({ instance }) => instance)).toEqual(['users-1'])
    await command('scale', 'users=2')
    await untilHealthy(mesh.url)
  })

  test('as a canary goes well, the command that asked is killed, and the Console too; then all goes back', async () => {
    const folder = checkout('0.2.0')
    const requests = await traffic()
    await requests.more(300)
    const asking = spawn(
      process.execPath,
      ['mesh/bootstrap.mjs', 'mesh/main.ts', 'deploy', 'users', '--from', folder, '--canary', '20', '--for', '6'],
      { cwd: root, env: meshEnv(mesh.settings), stdio: 'ignore' },
    )
    await until('the canary is watched', async () => (await last()).state === DeploymentState.CANARY)
    const { weights } = await registry.getTraffic({ service: 'users' })
    expect(weights.map(({ version, percent }) => [version, percent])).toEqual([
      ['0.1.0', 80],
      ['0.2.0', 20],
    ])
    asking.kill('SIGKILL')
    await once(asking, 'exit')
    const { console: pid = 0 } = await pidsOf(mesh.settings)
    process.kill(pid, 'SIGKILL')
    const ended = await until(
      'it is deployed',
      async () => {
        const deployment = await last()
        return deployment.endTime && deployment
      },
      longMs,
    )
    expect([ended.state, ended.reason]).toEqual([DeploymentState.SUCCEEDED, ''])
    expect(ended.requests).toBeGreaterThan(100n)
    expect((await instances()).map(({ version }) => version)).toEqual(['0.2.0', '0.2.0'])
    expect((await registry.getTraffic({ service: 'users' })).weights).toEqual([])
    const { stdout } = await command('rollback', 'users', '--json')
    expect(JSON.parse(stdout)).toMatchObject({ state: 'succeeded', version: '0.1.0', previousVersion: '0.2.0' })
    await noneFails(requests, 'a canary, with its command and the Console killed, and back')
    expect((await instances()).map(({ version }) => version)).toEqual(['0.1.0', '0.1.0'])
    await until('both are in the journal', async () => {
      const { changes } = await diagnostics.listChanges({ filter: 'action = "service.deployed"', pageSize: 2 })
      return changes.length === 2 && changes.every(({ actor }) => actor === 'operator')
    })
  })
})

describe('rolled back by itself is', () => {
  test('a canary that fails more, at the cost of few requests', async () => {
    const faulty = checkout('0.3.0', {
      'service(UsersServiceService, handlers)': `service(UsersServiceService, {
        ...handlers,
        async getUser(request, call) {
          if (Math.random() < 0.5) throw new Error('a fault of this version')
          return await handlers.getUser(request, call)
        },
      })`,
    })
    const before = await instances()
    const requests = await traffic()
    await requests.more(600)
    const { code, deployment } = await deploy('users', '--from', faulty, '--canary', '10')
    expect([code, deployment.state]).toEqual([1, 'rolled_back'])
    expect(deployment.reason).toMatch(/fail more: 0\.3\.0 failed \d+ of \d+ .*0\.1\.0 0 of \d+/)
    const rolledBackMs = Date.parse(deployment.endTime ?? '')
    await requests.more(600)
    const { failures } = await requests.stop('a bad canary')
    const took = deployment.steps.find(({ action }) => action === 'watch')
    const watchedMs = Date.parse(took?.endTime ?? '') - Date.parse(took?.startTime ?? '')
    console.log(
      `a bad canary: rolled back after ${watchedMs} ms at the cost of ${failures.length} requests; counted by the proxies ${deployment.failedRequests} of ${deployment.requests}`,
    )
    // Each failure is one of the canary's own, and none came after.
    for (const { what, sentMs } of failures) {
      expect(what).toMatch(/INTERNAL|^500/)
      expect(sentMs).toBeLessThan(rolledBackMs)
    }
    expect(failures.length).toBeGreaterThanOrEqual(3)
    expect(failures.length).toBeLessThan(100)
    expect(deployment.failedRequests).toBe(failures.length)
    // Nobody has touched those that serve.
    expect(await instances()).toEqual(before)
    expect((await registry.getTraffic({ service: 'users' })).weights).toEqual([])
    const change = await until('it is in the journal', async () => {
      const filter = `action = "deployment.rolled_back" AND subject = "deployments/${deployment.deployment}"`
      return (await diagnostics.listChanges({ filter })).changes[0]
    })
    expect(change.reason).toContain(`${deployment.failedRequests} of them failed`)
  })

  test('a version that ends at once, or is never healthy, with a reason that names it', async () => {
    const before = await instances()
    const requests = await traffic()
    const ending = checkout('0.4.0', { 'try {': "throw new Error('broken at its start')\ntry {" })
    const first = await deploy('users', '--from', ending)
    expect([first.code, first.deployment.state]).toEqual([1, 'rolled_back'])
    expect(first.deployment.reason).toMatch(/users-1 ended with code 1 before it was ready[\s\S]*broken at its start/)
    const sick = checkout('0.5.0', {
      'probes: { mongodb: store.ping }': "probes: { mongodb: async () => Promise.reject(new Error('never well')) }",
    })
    const second = await deploy('users', '--from', sick, '--canary', '50')
    expect([second.code, second.deployment.state]).toEqual([1, 'rolled_back'])
    expect(second.deployment.reason).toMatch(/users-3 \(users 0\.5\.0\) is not healthy after 30 s/)
    await noneFails(requests, 'versions that do not become healthy')
    const after = await instances()
    expect(after.map(({ version }) => version)).toEqual(['0.1.0', '0.1.0'])
    // The one that was not yet due was left alone.
    expect(after[1]).toEqual(before[1])
  })
})

describe('refused with what to do is', () => {
  test('what cannot be deployed', async () => {
    const empty = checkout('0.1.0')
    for (const [args, words] of [
      [['nothing'], /no service "nothing".*users/],
      [['users', '--version', '9.9.9'], /no users 9\.9\.9.*0\.1\.0.*--from/],
      [['users', '--from', '/nowhere/at/all'], /no folder/],
      [['users', '--from', '/'], /no checkout/],
      [['users', '--from', empty, '--version', '7.0.0'], /0\.1\.0, not 7\.0\.0/],
      [['users', '--from', empty, '--canary', '10'], /0\.1\.0 already/],
      [['users', '--canary', '100'], /1 to 99/],
      [['console', '--canary', '5'], /one instance/],
    ] as const) {
      const { code, stderr } = await command('deploy', ...args)
      expect([args, code]).toEqual([args, 1])
      expect(stderr).toMatch(words)
    }
    await command('traffic', 'users', '0.1.0=100')
    expect((await command('deploy', 'users')).stderr).toMatch(/spread by weights.*--reset/)
    expect((await command('traffic', 'users', '--reset')).code).toBe(0)
  })

  test('another deployment, restart or scaling of what is being deployed; and it can be cancelled over the API', async () => {
    const folder = checkout('0.6.0')
    const under = command('deploy', 'users', '--from', folder, '--canary', '10', '--for', '600', '--json')
    const running = await until('it is under way', async () => {
      const deployment = await last()
      return deployment.state === DeploymentState.CANARY && deployment
    })
    for (const args of [
      ['deploy', 'users'],
      ['restart', 'users-1'],
      ['scale', 'users=3'],
      ['stop', 'users'],
    ]) {
      const { code, stderr } = await command(...args)
      expect([args, code]).toEqual([args, 1])
      expect(stderr).toContain(`users is being deployed (${running.deployment}, 0.6.0)`)
    }
    const { code: found, stdout } = await command('diagnose')
    expect([found, stdout]).toEqual([0, expect.stringContaining(running.deployment)])
    const me = (await apiOver('REST', admin).auth.getMe({})).userId
    await apiOver('REST', admin).operations.cancelDeployment({ deployment: running.deployment })
    const { code, stdout: ended } = await under
    expect(code).toBe(1)
    expect(JSON.parse(ended)).toMatchObject({
      state: 'rolled_back',
      reason: `It was cancelled by users/${me}.`,
      weighted: false,
    })
    expect((await instances()).map(({ version }) => version)).toEqual(['0.1.0', '0.1.0'])
  })
})

describe.each(transports)('over %s', transport => {
  const { operations: own } = apiOver(transport, admin)

  test('what is unknown, and what cannot be, is refused by its code', async () => {
    expect(await refusalOf(own.createDeployment({ service: 'nothing' }))).toMatchObject({ code: 'NotFound' })
    expect(await refusalOf(own.createDeployment({ service: 'users', version: '9.9.9' }))).toMatchObject({
      code: 'InvalidArgument',
    })
    expect(await refusalOf(own.cancelDeployment({ deployment: 'nothing' }))).toMatchObject({ code: 'NotFound' })
    expect(await refusalOf(own.restartInstance({ instance: 'mongod' }))).toMatchObject({ code: 'NotFound' })
    expect(await refusalOf(own.scaleService({ service: 'users', instances: 50 }))).toMatchObject({
      code: 'InvalidArgument',
    })
    expect(await refusalOf(own.getSettings({ process: 'nothing' }))).toMatchObject({ code: 'NotFound' })
  })

  test('settings are shown, and no secret among them', async () => {
    const { settings } = await own.getSettings({ process: 'console' })
    const shown = new Map(settings.map(({ name, value, secret }) => [name, secret ? 'secret' : value]))
    expect(shown.get('SITE11_PORT')).toBe(String(mesh.port))
    for (const name of ['SITE11_SECRET_KEY', 'SITE11_JOIN_TOKEN', 'SITE11_OPERATOR_TOKEN', 'SITE11_MONGO_URL']) {
      expect([name, shown.get(name)]).toEqual([name, 'secret'])
    }
    expect(settings.filter(({ secret, value }) => secret && value)).toEqual([])
  })

  test('the lines of logs come as they are written', async () => {
    const ending = new AbortController()
    const query = { processes: ['console'], search: 'a drain to be READ', lines: 5 }
    let drained = false
    for await (const { lines } of own.watchLogs(query, { signal: ending.signal })) {
      if (!drained) await registry.drainInstance({ instance: 'users-2', reason: 'a drain to be read' })
      drained = true
      const line = lines.find(({ message, process: name }) => name === 'console' && message === 'instance.drained')
      if (!line) continue
      expect(JSON.parse(line.fields)).toMatchObject({ subject: 'instances/users-2' })
      break
    }
    ending.abort()
    await registry.resumeInstance({ instance: 'users-2' })
  })

  test('an instance is restarted, and a service scaled', async () => {
    const before = await pidsOf(mesh.settings)
    await own.restartInstance({ instance: 'users-2' })
    expect((await pidsOf(mesh.settings))['users-2']).not.toBe(before['users-2'])
    expect((await own.scaleService({ service: 'users', instances: 3 })).instances).toEqual([
      'users-1',
      'users-2',
      'users-3',
    ])
    expect((await own.scaleService({ service: 'users', instances: 2 })).instances).toEqual(['users-1', 'users-2'])
  })
})

test('a deployment that is asked for over the API says who asked, is watched to its end, and is listed', async () => {
  const { deployment: begun } = await operations.createDeployment({ service: 'users' })
  const states: DeploymentState[] = []
  let ended: Message | undefined
  for await (const { deployment } of operations.watchDeployment({ deployment: begun?.deployment ?? '' })) {
    if (deployment && states.at(-1) !== deployment.state) states.push(deployment.state)
    ended = deployment
  }
  expect(states).toEqual([DeploymentState.RUNNING, DeploymentState.SUCCEEDED])
  const me = (await apiOver('REST', admin).auth.getMe({})).userId
  expect(ended).toMatchObject({ actor: `users/${me}`, service: 'users', version: '0.1.0', previousVersion: '0.1.0' })
  expect(ended?.steps.every(({ endTime }) => endTime !== undefined)).toBe(true)
  expect(await last()).toEqual(ended)
})
