import { describe, expect, it } from 'vitest'
import { contractsFrom } from './contract.ts'
import { assignment } from './endpoints.ts'
import { routesFrom } from './routes.ts'
import { listenerType, routeType, snapshotFrom } from './snapshot.ts'
import type { InstanceState, ServiceState } from './state.ts'
import { instance, meshState, usersContract } from './testbed.ts'
import { destination, versionsFrom } from './versions.ts'

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
const shares = [
  { version: '0.1.0', percent: 90 },
  { version: '0.2.0', percent: 10 },
]
const ten = (percent: number, version: string, metadata: object) => ({
  name: 'users',
  weight: percent,
  metadata_match: { filter_metadata: { 'envoy.lb': { fallback_list: [{ version }, metadata, {}] } } },
})

describe('a request goes', () => {
  it('to any instance where nothing is said', () => {
    expect(destination(versionsOf([old, newer]), undefined)).toEqual({ cluster: 'users' })
  })

  it('by the weights, each version standing in for the other', () => {
    expect(destination(versionsOf([old, canary], shares), undefined)).toEqual({
      weighted_clusters: { clusters: [ten(90, '0.1.0', { version: '0.2.0' }), ten(10, '0.2.0', { version: '0.1.0' })] },
    })
  })

  it('nowhere but to the API version that it asks for', () => {
    expect(destination(versionsOf([old, newer]), '1.1')).toEqual({
      cluster: 'users',
      metadata_match: { filter_metadata: { 'envoy.lb': { api_version: '1.1' } } },
    })
  })

  it('by the weights of those versions that serve the API version that it asks for', () => {
    const text = (api: string) => JSON.stringify(destination(versionsOf([old, newer], shares), api))
    expect(text('1.0')).toContain('"version":"0.1.0"')
    expect(text('1.0')).not.toContain('0.2.0')
    expect(text('1.1')).toContain('"api_version":"1.1"')
    expect(text('1.1')).not.toContain('0.1.0')
  })

  it('to nobody of the weight 0 while another can take it', () => {
    const all = [
      { version: '0.1.0', percent: 100 },
      { version: '0.2.0', percent: 0 },
    ]
    expect(JSON.stringify(destination(versionsOf([old, canary], all), undefined))).not.toContain('0.2.0')
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

it('an endpoint says both of its versions', () => {
  expect(JSON.stringify(assignment('users', [newer]))).toContain('{"version":"0.2.0","api_version":"1.1"}')
})

it('weights change routes and leave the listener, clusters and endpoints as they are', () => {
  const before = snapshotFrom(meshState({ services: [users([old, canary])] }))
  const after = snapshotFrom(meshState({ services: [users([old, canary], shares)] }))
  const differing = Object.keys(before).filter(
    type => before[type as typeof routeType] !== after[type as typeof routeType],
  )
  expect(differing).toEqual([routeType])
  expect(after[listenerType]).toBe(before[listenerType])
})
