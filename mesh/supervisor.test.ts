import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { MeshError } from './errors.ts'
import { backoffMs, countFailure, type ProcessSpec } from './process.ts'
import { until } from './ready.ts'
import { type Identity, identityOf, isAlive } from './record.ts'
import { createSupervisor, type Supervisor } from './supervisor.ts'

let folder: string
let trace: string
let shown: string[]
let seen: Map<number, Identity>
let supervisor: Supervisor

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'site11-supervisor-'))
  trace = join(folder, 'trace')
  shown = []
  seen = new Map()
  supervisor = createSupervisor({
    logs: folder,
    print: line => shown.push(stripVTControlCharacters(line)),
    watched: () => true,
    recorded: processes => {
      for (const identity of processes.map(one => one.identity())) if (identity) seen.set(identity.pid, identity)
    },
    instance: async (_, name) => spec(name),
  })
})

afterEach(async () => {
  await supervisor.stop()
  for (const identity of seen.values()) expect(isAlive(identity)).toBe(false)
  rmSync(folder, { recursive: true })
})

type Options = { before: string; onTerm: string; delayMs: number; drain: ProcessSpec['drain'] }

/** A process that is ready when it has written so into the trace, and that writes there too when it is told to stop. */
function spec(
  name: string,
  { before = '', onTerm = 'process.exit(0)', delayMs = 0, drain }: Partial<Options> = {},
): ProcessSpec {
  const code = `
    const { appendFileSync } = require('node:fs')
    const tell = what => appendFileSync(${JSON.stringify(trace)}, '${name} ' + what + '\\n')
    process.on('SIGTERM', () => { tell('stops'); ${onTerm} })
    tell('starts')
    ${before}
    setTimeout(() => { console.log(JSON.stringify({ level: 30, msg: 'at work' })); tell('ready ' + process.pid) }, ${delayMs})
    setInterval(() => {}, 1e6)`
  let lives = 0
  return {
    name,
    command: process.execPath,
    args: ['-e', code],
    cwd: folder,
    env: { PATH: process.env.PATH },
    address: '127.0.0.1:1',
    ready: async signal => {
      const count = ++lives
      await until(async () => {
        if (traced(`${name} ready`).length < count) throw new Error('not ready yet')
      }, signal)
    },
    ...(drain && { drain }),
    terminal: 'info',
  }
}

const traced = (start = '') =>
  existsSync(trace)
    ? readFileSync(trace, 'utf8')
        .split('\n')
        .filter(line => line !== '' && line.startsWith(start))
    : []

const statusOf = (name: string) => supervisor.statuses().find(one => one.name === name)

const eventually = (check: () => void) => until(async () => check(), AbortSignal.timeout(10_000))

test('a stage starts when the one before is ready, and stages stop in reverse', async () => {
  await supervisor.startStage([spec('one', { delayMs: 100 })])
  await supervisor.startStage([spec('two')])
  await supervisor.scale(new Map([['users', 1]]))
  expect(traced().map(line => line.replace(/ \d+$/, ''))).toEqual([
    ...['one starts', 'one ready', 'two starts', 'two ready', 'users-1 starts', 'users-1 ready'],
  ])
  await supervisor.stop()
  expect(traced().slice(6)).toEqual(['users-1 stops', 'two stops', 'one stops'])
})

test('a process that ends is started again, and that is said', async () => {
  await supervisor.startStage([spec('one')])
  const { pid } = statusOf('one') ?? {}
  process.kill(pid ?? 0, 'SIGKILL')
  await eventually(() => expect(statusOf('one')).toMatchObject({ state: 'healthy', restarts: 1 }))
  expect(statusOf('one')?.pid).not.toBe(pid)
  expect(shown.some(line => /ERROR one was ended by SIGKILL: starting it again in 0.2 s/.test(line))).toBe(true)
})

test('the pause before another start grows to 10 s, and begins anew after 30 s of life', () => {
  expect([1, 2, 3, 6, 7, 100].map(backoffMs)).toEqual([200, 400, 800, 6400, 10_000, 10_000])
  expect(countFailure(5, 29_999)).toBe(6)
  expect(countFailure(5, 30_000)).toBe(1)
})

test('a start fails with the reason when a process ends before it is ready', async () => {
  const failing = supervisor.startStage([
    spec('one', { before: `console.error('the port is wrong'); process.exit(3)` }),
  ])
  await expect(failing).rejects.toThrow(MeshError)
  await expect(failing).rejects.toThrow(/one ended with code 3 before it was ready.*one\.log.*:\n {2}the port is wrong/)
})

test('a program that does not exist is a reason, too', async () => {
  await expect(supervisor.startStage([{ ...spec('one'), command: '/nowhere/node' }])).rejects.toThrow(
    /could not be started/,
  )
})

test('one that ignores SIGTERM is killed in time, with what it has started', async () => {
  const before = `tell('child ' + require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], { stdio: 'inherit' }).pid)`
  await supervisor.startStage([spec('one')])
  await supervisor.startStage([spec('stubborn', { before, onTerm: '' })])
  const child = identityOf(Number(traced('stubborn child')[0]?.split(' ')[2]))
  expect(isAlive(child)).toBe(true)
  const began = Date.now()
  await supervisor.stop()
  expect(Date.now() - began).toBeLessThan(10_000)
  expect(isAlive(child)).toBe(false)
  expect(traced('one stops')).toHaveLength(1)
}, 20_000)

test('a service is scaled up, and down from the end by SIGTERM', async () => {
  await supervisor.scale(new Map([['users', 3]]))
  expect(supervisor.statuses().map(one => `${one.name} ${one.state}`)).toEqual([
    'users-1 healthy',
    'users-2 healthy',
    'users-3 healthy',
  ])
  await supervisor.scale(new Map([['users', 1]]))
  expect(supervisor.statuses().map(one => one.name)).toEqual(['users-1'])
  expect(
    traced()
      .filter(line => line.endsWith('stops'))
      .sort(),
  ).toEqual(['users-2 stops', 'users-3 stops'])
})

test('a restart of a service takes its instances one after another', async () => {
  await supervisor.scale(new Map([['users', 2]]))
  const before = traced().length
  await supervisor.restart('users')
  expect(
    traced()
      .slice(before)
      .map(line => line.replace(/ \d+$/, '')),
  ).toEqual([
    ...['users-1 stops', 'users-1 starts', 'users-1 ready', 'users-2 stops', 'users-2 starts', 'users-2 ready'],
  ])
})

test('a stage of instances can be scaled and restarted like a service, and stops in its own turn', async () => {
  const withoutPid = () => traced().map(line => line.replace(/ \d+$/, ''))
  await supervisor.startStage([spec('one')])
  await supervisor.startStage([spec('envoy-1')], 'envoy')
  await supervisor.scale(new Map(Object.entries({ users: 1, envoy: 2 })))
  expect(supervisor.statuses().map(({ name }) => name)).toEqual(['one', 'envoy-1', 'envoy-2', 'users-1'])
  const started = traced().length
  await supervisor.restart('envoy')
  expect(withoutPid().slice(started)).toEqual([
    ...['envoy-1 stops', 'envoy-1 starts', 'envoy-1 ready', 'envoy-2 stops', 'envoy-2 starts', 'envoy-2 ready'],
  ])
  await supervisor.restart('envoy-2')
  await supervisor.scale(new Map([['envoy', 1]]))
  expect(supervisor.statuses().map(({ name }) => name)).toEqual(['one', 'envoy-1', 'users-1'])
  const scaled = traced().length
  await supervisor.stop()
  expect(traced().slice(scaled)).toEqual(['users-1 stops', 'envoy-1 stops', 'one stops'])
})

test('what can be drained is drained before it is restarted or taken away, and at the end before all else stops', async () => {
  const draining = (name: string) => spec(name, { drain: async () => appendFileSync(trace, `${name} drains\n`) })
  const broken: ProcessSpec['drain'] = async () => {
    throw new Error('nobody answers')
  }
  await supervisor.startStage([draining('edge')])
  await supervisor.startStage([spec('broken', { drain: broken })])
  await supervisor.restart('edge')
  await supervisor.restart('broken')
  expect(traced('edge').slice(2, 4)).toEqual(['edge drains', 'edge stops'])
  const before = traced().length
  await supervisor.stop()
  expect(traced().slice(before)).toEqual(['edge drains', 'broken stops', 'edge stops'])
  expect(shown.some(line => /WARN .*broken could not be drained: nobody answers/.test(line))).toBe(true)
})

test('a process that is stopped stays so until it is restarted, and so do the instances of a service', async () => {
  await supervisor.startStage([spec('one')])
  await supervisor.scale(new Map([['users', 2]]))
  await supervisor.halt('one')
  await supervisor.halt('users')
  const states = () => supervisor.statuses().map(({ name, state }) => `${name} ${state}`)
  expect(states()).toEqual(['one stopped', 'users-1 stopped', 'users-2 stopped'])
  await supervisor.restart('one')
  await supervisor.restart('users-2')
  expect(states()).toEqual(['one healthy', 'users-1 stopped', 'users-2 healthy'])
  await supervisor.scale(new Map([['users', 1]]))
  await expect(supervisor.halt('two')).rejects.toThrow(MeshError)
})

test('another process is launched where a halted one was, or beside the others, and only one of a name', async () => {
  await supervisor.scale(new Map([['users', 2]]))
  const never = new AbortController().signal
  await supervisor.halt('users-1')
  await supervisor.launch('users', spec('users-1'), never)
  await supervisor.launch('users', spec('users-3'), never)
  expect(supervisor.membersOf('users')).toEqual(['users-1', 'users-2', 'users-3'])
  expect(supervisor.statuses().map(({ state }) => state)).toEqual(['healthy', 'healthy', 'healthy'])
  await expect(supervisor.launch('users', spec('users-2'), never)).rejects.toThrow('users-2 runs already')
  await supervisor.remove('users-3')
  expect(supervisor.membersOf('users')).toEqual(['users-1', 'users-2'])
  expect(traced('users-3').at(-1)).toBe('users-3 stops')
})

test('a restart of what cannot start again, as its folder is gone, is refused while it runs', async () => {
  await supervisor.scale(new Map([['users', 1]]))
  const own = join(folder, 'checkout')
  mkdirSync(own)
  await supervisor.launch('users', { ...spec('users-2'), cwd: own }, new AbortController().signal)
  rmSync(own, { recursive: true })
  await expect(supervisor.restart('users')).rejects.toThrow(
    /users-2 is left as it is: .*checkout is gone.*deploy users/,
  )
  expect(supervisor.statuses().map(({ state }) => state)).toEqual(['healthy', 'healthy'])
})

test('a launch that is given up says why, and with which last words; the process is there to be halted', async () => {
  await supervisor.scale(new Map([['users', 1]]))
  const late = new AbortController()
  const slow = spec('users-2', { before: "console.error('waiting for nobody')", delayMs: 1e6 })
  const launched = supervisor.launch('users', slow, late.signal)
  await until(async () => {
    if (traced('users-2').length === 0) throw new Error('not started yet')
  }, AbortSignal.timeout(5000))
  late.abort(new MeshError('users-2 is late'))
  await expect(launched).rejects.toThrow(/users-2 is late\. Its log is/)
  expect(supervisor.membersOf('users')).toEqual(['users-1', 'users-2'])
  await supervisor.remove('users-2')
  expect(supervisor.membersOf('users')).toEqual(['users-1'])
})

test('a restart of one process leaves the others alone; of an unknown one it says which exist', async () => {
  await supervisor.startStage([spec('one'), spec('two')])
  const [one, two] = [statusOf('one')?.pid, statusOf('two')?.pid]
  await supervisor.restart('one')
  expect(statusOf('one')?.pid).not.toBe(one)
  expect(statusOf('two')?.pid).toBe(two)
  await expect(supervisor.restart('three')).rejects.toThrow(/There are: one, two/)
})

test('what a process writes goes into its file as it is, and to the terminal as one short line', async () => {
  await supervisor.startStage([spec('one')])
  await eventually(() => expect(shown.some(line => /one +INFO +at work$/.test(line))).toBe(true))
  expect(readFileSync(join(folder, 'one.log'), 'utf8')).toBe('{"level":30,"msg":"at work"}\n')
})

test('nothing starts once the mesh is stopping', async () => {
  await supervisor.startStage([spec('one', { onTerm: 'setTimeout(() => process.exit(0), 300)' })])
  const stopping = supervisor.stop()
  await expect(supervisor.scale(new Map([['users', 1]]))).rejects.toThrow(MeshError)
  await stopping
  expect(traced('users')).toEqual([])
})
