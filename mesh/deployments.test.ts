import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Deployment } from './deployment.ts'
import { deploymentFindings } from './deployment-findings.ts'
import { createDeployments, type DeploymentsOptions } from './deployments.ts'
import { MeshError } from './errors.ts'
import type { Effects } from './roll.ts'

let folder: string
let traffic: string[]
let said: string[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'site11-deployments-'))
  traffic = []
  said = []
  build('here', '0.1.0')
})
afterEach(() => rmSync(folder, { recursive: true }))

function build(checkout: string, version: string): string {
  const own = join(folder, checkout, 'services/users')
  mkdirSync(own, { recursive: true })
  writeFileSync(join(own, 'package.json'), JSON.stringify({ version, site11: { service: 'users' } }))
  writeFileSync(join(own, 'main.ts'), '')
  return join(folder, checkout)
}

/** A mesh in memory with two instances. */
function open(effects: Partial<Effects> = {}, options: Partial<DeploymentsOptions> = {}) {
  const nothing = async () => {}
  const all: Effects = {
    end: nothing,
    start: nothing,
    remove: nothing,
    taken: async () => '',
    versions: async () => new Map([['0.1.0', 2]]),
    async setTraffic(weights) {
      traffic.push(JSON.stringify(weights))
      return ''
    },
    ailment: async () => '',
    look: async () => ({ newer: { requests: 0, failed: 0 }, older: { requests: 0, failed: 0 }, active: 0 }),
    mark() {},
    changed() {},
    ...effects,
  }
  return createDeployments({
    file: join(folder, 'deployments.json'),
    root: join(folder, 'here'),
    services: ['users'],
    processesOf: () => ['users-1', 'users-2'],
    effectsFor: async () => ({ ...all, close() {} }),
    isWeighted: async () => false,
    say: (_, msg) => said.push(msg),
    stopping: new AbortController().signal,
    ...options,
  })
}

const wanted = { service: 'users', version: '', from: undefined, canaryPercent: 0, canaryMs: 0, actor: 'operator' }
const never = new AbortController().signal

async function endOf(deployments: ReturnType<typeof open>, { deployment }: Deployment): Promise<Deployment> {
  let last: Deployment | undefined
  for await (const each of deployments.watch(deployment, never)) last = each
  return last ?? expect.fail()
}

test('what was deployed from elsewhere is started from there again, until that is gone', async () => {
  const there = build('there', '0.2.0')
  const first = open()
  expect(first.folderOf('users')).toBeUndefined()
  const ended = await endOf(first, await first.create({ ...wanted, from: there }))
  expect(ended).toMatchObject({ state: 'succeeded', version: '0.2.0', previousVersion: '0.1.0' })
  expect(open().folderOf('users')).toBe(join(there, 'services/users'))
  rmSync(there, { recursive: true })
  expect(open().folderOf('users')).toBeUndefined()
  expect(said.at(-1)).toContain(there)
})

test('one that was cut short is known to the next mesh, which takes back its weights and says how it ended', async () => {
  const stopping = new AbortController()
  const forever = new Promise<never>(() => {})
  const first = open({ ailment: () => forever }, { stopping: stopping.signal })
  await first.create({ ...wanted, from: build('there', '0.2.0'), canaryPercent: 10 })
  for await (const each of first.follow(() => true, never)) if (each.state === 'canary') break
  stopping.abort()
  const next = open()
  const [cut] = next.list('users')
  expect(cut).toMatchObject({ state: expect.stringMatching(/rolling_back/), weighted: true })
  expect(deploymentFindings(next.list())).toMatchObject([
    { code: 'DEPLOYMENT_ROLLING_BACK', subject: 'services/users' },
  ])
  expect(() => next.requireIdle('users')).toThrow(/being deployed/)
  expect(next.folderOf('users')).toBeUndefined()
  traffic = []
  await next.mend()
  expect(traffic).toEqual(['[]'])
  expect(next.list('users')[0]).toMatchObject({ state: 'rolled_back', weighted: false })
  expect(next.list('users')[0]?.reason).toMatch(/killed in the middle/)
  expect(deploymentFindings(next.list())).toEqual([])
  const after = await endOf(next, await next.create(wanted))
  expect(after.state).toBe('succeeded')
})

test('one that failed is found by a diagnosis, and mended by the next deployment or by going back', async () => {
  let broken = true
  const removed: string[] = []
  const processes = ['users-1']
  const deployments = open(
    {
      async start(name) {
        if (broken && name !== 'users-2') throw new MeshError(`${name} cannot be started`)
        if (name === 'users-2') processes.push(name)
      },
      async remove(name) {
        removed.push(name)
        processes.splice(processes.indexOf(name), 1)
      },
    },
    { processesOf: () => [...processes], isWeighted: async () => false },
  )
  const failed = await endOf(deployments, await deployments.create({ ...wanted, from: build('there', '0.2.0') }))
  expect(failed).toMatchObject({ state: 'failed', extra: 'users-2' })
  expect(failed.reason).toMatch(/users-1 cannot be started\nThen,/)
  expect(deploymentFindings(deployments.list())).toMatchObject([{ code: 'DEPLOYMENT_FAILED' }])
  broken = false
  const mended = await endOf(deployments, (await deployments.rollBack('users', 'operator')).deployment)
  expect(mended).toMatchObject({ state: 'succeeded', version: '0.1.0', previousVersion: '0.1.0' })
  expect(removed).toEqual(['users-2', 'users-2'])
  expect(deploymentFindings(deployments.list())).toEqual([])
  await expect(deployments.rollBack('users', 'operator')).rejects.toThrow(/no other build/)
})

test('a file that is damaged is said to be so, not written over', () => {
  const file = join(folder, 'deployments.json')
  writeFileSync(file, '{"deployments": 1}')
  expect(() => open()).toThrow(MeshError)
  expect(readFileSync(file, 'utf8')).toBe('{"deployments": 1}')
})

test('the last hundred are kept', async () => {
  const file = join(folder, 'deployments.json')
  const old = Array.from({ length: 150 }, (_, n) => ({
    deployment: `users-${n}`,
    service: 'users',
    state: 'succeeded',
  }))
  writeFileSync(file, JSON.stringify({ deployments: old, inUse: {} }))
  const deployments = open()
  await endOf(deployments, await deployments.create(wanted))
  expect(deployments.list('users')).toHaveLength(100)
})
