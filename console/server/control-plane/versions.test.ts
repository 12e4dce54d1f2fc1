import { describe, expect, it } from 'vitest'
import { contractsFrom } from './contract.ts'
import { assignment } from './endpoints.ts'
import { routesFrom } from './routes.ts'
import { clusterType, endpointType, listenerType, routeType, snapshotFrom, typeUrls } from './snapshot.ts'
import type { InstanceState, ServiceState } from './state.ts'
import { instance, meshState, usersContract } from './testbed.ts'
import { destination, membersFrom, versionsFrom } from './versions.ts'

const old = instance('users-1', 1)
const newer = instance('users-2', 2, { version: '0.2.0', apiVersion: '1.1' })
const canary = instance('users-3', 3, { version: '0.2.0' })
const users = (instances: InstanceState[], traffic?: ServiceState['traffic']): ServiceState => ({
  name: 'users',
  contract: usersContract,
  instances,
  traffic,
})
const versionsOf = (...args: Parameters<typeof users>) => versionsFrom([users(...args)])[0] ?? expect.fail()
const split = (percent: number) => [
  { version: '0.1.0', percent: 100 - percent },
  { version: '0.2.0', percent },
]
const match = (fields: object) => ({ metadata_match: { filter_metadata: { 'envoy.lb': fields } } })

describe('a request goes', () => {
  it('to any instance where nothing is said', () => {
    expect(destination(versionsOf([old, newer]), undefined)).toEqual({ cluster: 'users' })
  })

  it('with weights to those that have a share, and to any when none of these can serve', () => {
    const fallback_list = [{ share: 'yes' }, {}]
    const versions = versionsOf([old, canary], split(10))
    expect(destination(versions, undefined)).toEqual({ cluster: 'users', ...match({ fallback_list }) })
    expect(destination(versions, '1.0')).toEqual({ cluster: 'users', ...match({ api_version: '1.0', fallback_list }) })
  })

  it('nowhere but to the API version that it asks for', () => {
    const found = destination(versionsOf([old, newer]), '1.1')
    expect(found).toEqual({ cluster: 'users', ...match({ api_version: '1.1' }) })
  })
})

describe('the share of a version', () => {
  const weights = (instances: InstanceState[], percent: number) =>
    membersFrom(users(instances, split(percent))).map(({ weight }) => weight)

  it('is spread over its instances that can serve', () => {
    expect(weights([old, canary], 10)).toEqual([9000, 1000])
    expect(weights([old, canary, newer], 10)).toEqual([9000, 500, 500])
    expect(weights([old, canary, { ...newer, healthy: false }], 10)).toEqual([9000, 1000, 1000])
    expect(weights([old, { ...canary, draining: true }], 10)).toEqual([9000, 1000])
  })

  it('is nothing where an operator gave it nothing, or did not name it', () => {
    expect(weights([old, canary], 0)).toEqual([10_000, 0])
    expect(weights([old, instance('users-4', 4, { version: '0.3.0' })], 50)).toEqual([5000, 0])
  })

  it('is the same for all where there are no weights', () => {
    expect(membersFrom(users([old, canary]))).toEqual([old, canary])
  })
})

describe('the API versions of a service', () => {
  it('are those of its instances, in their order, without those that leave', () => {
    const of = (...apis: [string, boolean?][]) =>
      versionsOf(
        apis.map(([apiVersion, draining = false], at) => instance(`users-${at}`, at, { apiVersion, draining })),
      )
    expect(of(['1.10'], ['1.9'], ['1.9']).api).toEqual(['1.9', '1.10'])
    expect(of(['1.0'], ['1.1', true]).api).toEqual(['1.0'])
    expect(of(['1.0', true]).api).toEqual(['1.0'])
    expect(of().api).toEqual([])
  })

  it('make a route each only where there are several, and one for those that there are not', () => {
    const named = (instances: InstanceState[]) => {
      const services = [users(instances)]
      const config = routesFrom({ corsOrigins: [] }, contractsFrom(services), versionsFrom(services)) as {
        virtual_hosts?: unknown
      }
      const [{ routes }] = config.virtual_hosts as [{ routes: { name: string }[] }]
      const count = (name: string) => routes.filter(each => each.name === name).length
      return [count('site11.users.v1.UsersService/GetUser'), count('no-such-version')]
    }
    expect(named([])).toEqual([1, 0])
    expect(named([old, canary])).toEqual([1, 1])
    expect(named([old, newer])).toEqual([3, 1])
  })
})

it('an endpoint says what it may be chosen by', () => {
  const [first, last] = membersFrom(users([old, newer], split(0)))
  if (!first || !last) throw new Error('no members')
  const endpoints = JSON.stringify(assignment('users', [first, last]))
  expect(endpoints).toContain('{"api_version":"1.0","share":"yes"}')
  expect(endpoints).toContain('{"api_version":"1.1","share":"no"}')
  expect(endpoints.match(/"load_balancing_weight":10000/g)).toHaveLength(1)
})

it('weights leave the listener and the clusters as they are, and other weights the routes too', () => {
  const of = (traffic?: ServiceState['traffic']) =>
    snapshotFrom(meshState({ services: [users([old, canary], traffic)] }))
  const differing = (a: ReturnType<typeof of>, b: ReturnType<typeof of>) => typeUrls.filter(type => a[type] !== b[type])
  const [none, ten, half] = [of(), of(split(10)), of(split(50))]
  expect(differing(none, ten)).toEqual([endpointType, routeType])
  expect(differing(ten, half)).toEqual([endpointType])
  for (const type of [listenerType, clusterType] as const) expect(half[type]).toBe(none[type])
})
