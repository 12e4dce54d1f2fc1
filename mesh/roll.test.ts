import { expect, test } from 'vitest'
import type { Tally } from './compare.ts'
import type { Deployment } from './deployment.ts'
import { MeshError } from './errors.ts'
import { type Effects, roll, shares } from './roll.ts'

const deploymentOf = (change: Partial<Deployment> = {}): Deployment => ({
  deployment: 'users-1a',
  service: 'users',
  version: '2',
  previousVersion: '1',
  checkout: '/new',
  previousCheckout: '/old',
  canaryPercent: 0,
  canaryMs: 0,
  state: 'running',
  reason: '',
  actor: 'operator',
  createTime: new Date().toISOString(),
  steps: [],
  requests: 0,
  failedRequests: 0,
  weighted: false,
  ...change,
})
const build = { checkout: '/new', folder: '/new/users', version: '2' }
const previous = { checkout: '/old', folder: '/old/users', version: '1' }

/** A mesh in memory: what runs with which version, and all that was done to it. */
function meshOf(processes: string[], fails: Partial<Effects> = {}) {
  const running = new Map(processes.map(name => [name, '1']))
  const done: string[] = []
  const effects: Effects = {
    async end(name) {
      done.push(`end ${name}`)
      running.delete(name)
    },
    async start(name, { version }) {
      done.push(`start ${name} ${version}`)
      running.set(name, version)
    },
    async remove(name) {
      done.push(`remove ${name}`)
      running.delete(name)
    },
    async taken() {
      return ''
    },
    async versions() {
      const groups = Map.groupBy(running.values(), version => version)
      return new Map([...groups].map(([version, all]) => [version, all.length]))
    },
    async setTraffic(weights) {
      done.push(`traffic ${weights.map(({ version, percent }) => `${version}=${percent}`).join(' ')}`.trim())
      return ''
    },
    ailment: async () => '',
    look: async () => ({ newer: { requests: 0, failed: 0 }, older: { requests: 0, failed: 0 }, active: 0 }),
    mark() {},
    changed() {},
    ...fails,
  }
  return { running, done, effects }
}
const never = new AbortController().signal
const counted = (newer: Tally, older: Tally) => async () => ({ newer, older, active: 0 })

test('one goes after the other', async () => {
  const { done, effects } = meshOf(['users-1', 'users-2'])
  const deployment = deploymentOf()
  await roll({ deployment, processes: ['users-1', 'users-2'], beside: undefined, build, previous }, effects, never)
  expect(deployment).toMatchObject({ state: 'succeeded', reason: '' })
  expect(done).toEqual(['end users-1', 'start users-1 2', 'end users-2', 'start users-2 2'])
})

test('beside the only one another is started first', async () => {
  const { done, effects } = meshOf(['users-1'])
  const deployment = deploymentOf()
  await roll({ deployment, processes: ['users-1'], beside: 'users-2', build, previous }, effects, never)
  expect(done).toEqual(['start users-2 2', 'end users-1', 'start users-1 2', 'remove users-2'])
  expect(deployment.extra).toBeUndefined()
})

test('a canary gets nothing before it is there, then its share, and with the rest the weights end', async () => {
  const { done, effects } = meshOf(['users-1'])
  const deployment = deploymentOf({ canaryPercent: 10, canaryMs: 1 })
  await roll({ deployment, processes: ['users-1'], beside: 'users-2', build, previous }, effects, never)
  expect(done.slice(0, 4)).toEqual(['traffic 1=100', 'start users-2 2', 'traffic 1=90 2=10', 'traffic'])
  expect(deployment).toMatchObject({ state: 'succeeded', weighted: false })
})

test('a canary that fails more is sent nothing at once, and is gone at the end', async () => {
  const { running, done, effects } = meshOf(['users-1', 'users-2'], {
    look: counted({ requests: 10, failed: 8 }, { requests: 90, failed: 0 }),
  })
  const deployment = deploymentOf({ canaryPercent: 10, canaryMs: 60_000 })
  const plan = { deployment, processes: ['users-1', 'users-2'], beside: 'users-3', build, previous }
  await roll(plan, effects, never)
  expect(deployment).toMatchObject({ state: 'rolled_back', requests: 10, failedRequests: 8, weighted: false })
  expect(deployment.reason).toContain('2 failed 8 of 10')
  expect(done.slice(3)).toEqual(['traffic 1=100', 'remove users-3', 'traffic'])
  expect([...running]).toEqual([
    ['users-1', '1'],
    ['users-2', '1'],
  ])
})

test('one that does not become healthy is replaced by what was there, and the others are left alone', async () => {
  const { running, effects } = meshOf(['users-1', 'users-2'])
  const { start } = effects
  effects.start = async (name, of, signal) => {
    if (of.version === '2') throw new MeshError(`${name} is not healthy`)
    await start(name, of, signal)
  }
  const deployment = deploymentOf()
  await roll({ deployment, processes: ['users-1', 'users-2'], beside: undefined, build, previous }, effects, never)
  expect(deployment).toMatchObject({ state: 'rolled_back', reason: 'users-1 is not healthy' })
  expect(deployment.steps.filter(({ instance }) => instance === 'users-2')).toEqual([])
  expect([...running.values()]).toEqual(['1', '1'])
})

test('a proxy that does not take a new instance is a reason to go back, and none to keep the new one', async () => {
  const { running, effects } = meshOf(['users-1', 'users-2'], { taken: async () => 'envoy-2 has not taken it' })
  const deployment = deploymentOf()
  await roll({ deployment, processes: ['users-1', 'users-2'], beside: undefined, build, previous }, effects, never)
  expect(deployment).toMatchObject({ state: 'rolled_back', reason: 'envoy-2 has not taken it' })
  expect([...running.values()].sort()).toEqual(['1', '1'])
})

test('one that is cancelled says who did it', async () => {
  const { effects } = meshOf(['users-1', 'users-2'])
  const cancel = new AbortController()
  const deployment = deploymentOf({ canaryPercent: 50, canaryMs: 60_000 })
  const plan = { deployment, processes: ['users-1', 'users-2'], beside: 'users-3', build, previous }
  const rolling = roll(plan, effects, cancel.signal)
  cancel.abort(new MeshError('It was cancelled by operator.'))
  await rolling
  expect(deployment).toMatchObject({ state: 'rolled_back', reason: 'It was cancelled by operator.' })
})

test('what can neither be ended nor taken back rejects', async () => {
  const { effects } = meshOf(['users-1', 'users-2'], {
    start: async name => {
      throw new MeshError(`${name} cannot be started`)
    },
  })
  const deployment = deploymentOf()
  const plan = { deployment, processes: ['users-1', 'users-2'], beside: undefined, build, previous }
  await expect(roll(plan, effects, never)).rejects.toThrow('users-1 cannot be started')
})

test('what is left for several old versions is spread by their instances', async () => {
  const versions = async () => new Map([...Object.entries({ 1: 2, 2: 1, 3: 1 })])
  expect(await shares({ versions }, '3', 10)).toEqual([
    { version: '1', percent: 60 },
    { version: '2', percent: 30 },
    { version: '3', percent: 10 },
  ])
})
