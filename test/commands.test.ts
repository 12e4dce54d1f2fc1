/** The commands of the mesh as an operator uses them, mistakes included. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { portsFrom, requireFree } from '../mesh/ports.ts'
import { discoverServices } from '../mesh/services.ts'
import { admin, createUser, login } from './accounts.ts'
import { apiOver, mesh } from './api.ts'
import { meshCommand, root, startCommand } from './cli.ts'
import { send } from './http.ts'
import { livingOf, pidsOf, statusOf, untilHealthy } from './processes.ts'

const command = (...args: string[]) => meshCommand(args, mesh.settings)
const services = discoverServices(root).map(({ name }) => `${name}-1`)
const processes = ['mesh', 'mongod', 'redis', 'console', 'envoy-1', ...services]

describe('of a running mesh,', () => {
  test('status shows every process and whether all is well', async () => {
    const { code, stdout } = await command('status')
    expect(code).toBe(0)
    for (const name of processes) expect(stdout).toMatch(new RegExp(`^${name} +\\S+ healthy +\\d+`, 'm'))
    const status = await statusOf(mesh.settings)
    expect(status).toMatchObject({ url: mesh.url, home: mesh.home, health: { ok: true } })
    for (const { rssMiB, pid, restarts } of status.processes) {
      expect([typeof rssMiB, typeof pid, typeof restarts]).toEqual(['number', 'number', 'number'])
    }
  })

  test('what is secret is for its owner alone to read', () => {
    for (const name of [
      'admin.json',
      'secrets.json',
      'mongod.key',
      'redis.conf',
      'mesh.json',
      'mesh.sock',
      'envoy/envoy-1.json',
    ]) {
      expect([name, statSync(join(mesh.home, name)).mode & 0o077]).toEqual([name, 0])
    }
  })

  test('logs shows what was said, of all or of one, and names what there is', async () => {
    const { stdout } = await command('logs', 'users', '--lines', '5')
    expect(stdout.trim().split('\n').length).toBeLessThanOrEqual(5)
    expect(stdout).toMatch(/ users-\d /)
    const lines = (await command('logs', 'mesh', '--json')).stdout.trim().split('\n')
    for (const line of lines) expect(JSON.parse(line)).toMatchObject({ name: 'mesh' })
    const unknown = await command('logs', 'nonsense')
    expect(unknown.code).toBe(1)
    expect(unknown.stderr).toMatch(/nonsense.*users-1/)
  })

  test('a second start says that it runs already, and where', async () => {
    for (const args of [[], ['--detach']]) {
      const { code, stderr } = await startCommand(args, mesh.settings)
      expect(code).toBe(1)
      expect(stderr).toMatch(
        new RegExp(`^site11: site11 runs already \\(pid \\d+, http://localhost:${mesh.port}\\)\\.[^\n]*\n$`),
      )
    }
  })

  test('what cannot be done is refused with what can', async () => {
    const refusals: [string[], RegExp][] = [
      [['restart', 'nonsense'], /nonsense.*users-1/],
      [['scale', 'nonsense=2'], /nonsense.*users/],
      [['scale', 'users=many'], /users=2/],
      [['scale', 'users=0'], /users=2/],
      [['nonsense'], /status/],
      [[], /status/],
    ]
    for (const [args, says] of refusals) {
      const { code, stderr } = await command(...args)
      expect([args, code]).toEqual([args, 1])
      expect(stderr).toMatch(says)
      expect(stderr).not.toMatch(/^ +at /m)
    }
    const help = await command('--help')
    expect(help.code).toBe(0)
    for (const each of ['status', 'logs', 'restart', 'scale', 'stop']) expect(help.stdout).toContain(each)
  })

  test('a service is scaled up, restarted and scaled down, and no request fails', async () => {
    const user = await createUser()
    const token = await admin()
    const answers: number[] = []
    let loading = true
    const load = async () => {
      while (loading) {
        answers.push((await send(mesh.url, `/api/v1/users/${user.id}`, { token })).status)
        await delay(10)
      }
    }
    const loads = Promise.all([load(), load(), load()])
    try {
      expect((await command('scale', 'users=2')).code).toBe(0)
      await untilHealthy(mesh.url)
      const { instances } = await apiOver('gRPC', admin).registry.listInstances({ service: 'users' })
      expect(instances.map(({ instance }) => instance)).toEqual(['users-1', 'users-2'])
      const before = await pidsOf(mesh.settings)
      expect((await command('restart', 'users')).code).toBe(0)
      await untilHealthy(mesh.url)
      const after = await pidsOf(mesh.settings)
      for (const name of ['users-1', 'users-2']) expect(after[name], name).not.toBe(before[name])
      for (const name of ['mongod', 'redis', 'console', 'envoy-1']) expect(after[name], name).toBe(before[name])
      expect((await command('scale', 'users=1')).code).toBe(0)
      expect(Object.keys(await pidsOf(mesh.settings)).sort()).toEqual(processes.toSorted())
    } finally {
      loading = false
      await loads
    }
    await untilHealthy(mesh.url)
    expect(answers.length).toBeGreaterThan(200)
    expect(answers.filter(status => status !== 200)).toEqual([])
  })
})

describe('a mesh', () => {
  test('stops without a rest, and starts again within ten seconds with all its data', async () => {
    const user = await createUser({ displayName: 'Still here' })
    const pids = Object.values(await pidsOf(mesh.settings))
    expect(pids).toHaveLength(processes.length)
    const began = Date.now()
    expect((await command('stop')).code).toBe(0)
    expect(Date.now() - began).toBeLessThan(12_000)
    expect(livingOf(pids)).toEqual([])
    await requireFree(portsFrom(String(mesh.port)))

    const status = await command('status')
    expect([status.code, status.stderr]).toEqual([1, expect.stringMatching(/npm start/)])
    expect((await command('stop')).code).toBe(0)

    const again = await startCommand(['--detach'], mesh.settings)
    expect([again.code, again.stderr]).toEqual([0, ''])
    const seconds = Number(/ready after ([\d.]+) s/.exec(again.stdout)?.[1])
    // On a machine that does other things as well, as much longer as those make it.
    expect(seconds).toBeLessThan(10 * Math.max(1, (loadavg()[0] ?? 0) / availableParallelism()))
    expect(again.stdout).not.toContain(mesh.admin.password)
    const memory = (await statusOf(mesh.settings)).processes.reduce((sum, { rssMiB = 0 }) => sum + rssMiB, 0)
    // 700 with one service beside the Console, and a process of Node for each more.
    expect(memory).toBeLessThan(900)
    const read = await apiOver('REST', async () => (await login(mesh.admin)).accessToken).users.getUser({ id: user.id })
    expect(read.user).toEqual(user)
  })

  test('whose supervisor was killed leaves nothing that the next start does not end', async () => {
    const pids = await pidsOf(mesh.settings)
    process.kill(pids.mesh ?? 0, 'SIGKILL')
    const status = await command('status')
    expect([status.code, status.stderr]).toEqual([1, expect.stringMatching(/npm start/)])
    const again = await startCommand(['--detach'], mesh.settings)
    expect([again.code, again.stderr]).toEqual([0, ''])
    expect(livingOf(Object.values(pids))).toEqual([])
    await untilHealthy(mesh.url)
    await login(mesh.admin)
  })
})

describe('a start that cannot succeed ends with one sentence:', () => {
  let home: string
  let blocker: Server
  const port = mesh.port + 400
  const settings = () => ({ ...mesh.settings, SITE11_HOME: home, SITE11_PORT: String(port) })
  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'site11-bad-'))
    blocker = createServer()
  })
  afterAll(() => {
    blocker.close()
    rmSync(home, { recursive: true })
  })

  /** Starts with these settings, and expects one sentence on standard error that says `says`. */
  async function expectRefusal(changed: Record<string, string>, says: RegExp) {
    for (const args of [[], ['--detach']]) {
      const { code, stderr } = await startCommand(args, { ...settings(), ...changed })
      expect([args, changed, code]).toEqual([args, changed, 1])
      expect(stderr).toMatch(says)
      expect(
        stderr
          .trim()
          .split('\n')
          .filter(line => line.startsWith('site11: ')),
      ).toHaveLength(1)
      expect(stderr).not.toMatch(/^ +at /m)
    }
  }

  test.each([
    [{ SITE11_PORT: 'eight thousand' }, /SITE11_PORT.*eight thousand/],
    [{ SITE11_PORT: '70000' }, /SITE11_PORT.*70000/],
    [{ SITE11_REPLICAS: 'users' }, /users=2/],
    [{ SITE11_REPLICAS: 'nonsense=2' }, /nonsense/],
    [{ SITE11_PUBLIC_URL: 'nonsense' }, /SITE11_PUBLIC_URL/],
    [{ SITE11_LOG_LEVEL: 'loud' }, /SITE11_LOG_LEVEL/],
    [{ SITE11_SMTP_URL: 'nonsense' }, /SITE11_SMTP_URL/],
    [{ SITE11_ENVOY: '/nonsense/envoy' }, /SITE11_ENVOY/],
    [{ SITE11_HOME: '/proc/nonsense' }, /\/proc\/nonsense/],
  ])('%o', async (changed, says) => {
    await expectRefusal(changed as Record<string, string>, says)
  })

  test('a port that is taken, named with who holds it', async () => {
    await new Promise<void>(resolve => blocker.listen(port, '127.0.0.1', resolve))
    await expectRefusal({}, new RegExp(`${port}.*pid ${process.pid}.*SITE11_PORT=`))
    await new Promise(resolve => blocker.close(resolve))
  })

  const secrets = () => JSON.parse(readFileSync(join(mesh.home, 'secrets.json'), 'utf8'))
  test.each<[string, () => string]>([
    ['text that breaks off', () => '{"joinToken":'],
    ['nothing', () => ''],
    ['a secret that is missing', () => JSON.stringify({ ...secrets(), secretKey: undefined })],
    ['a secret that is too short', () => JSON.stringify({ ...secrets(), secretKey: 'c2hvcnQ=' })],
  ])('a secrets file with %s, named and left as it is', async (_, content) => {
    const file = join(home, 'secrets.json')
    writeFileSync(file, content())
    await expectRefusal({}, /secrets\.json/)
    expect(readFileSync(file, 'utf8')).toBe(content())
    rmSync(file)
  })

  test('a mesh that serves is not disturbed by it', async () => {
    await untilHealthy(mesh.url)
  })
})
