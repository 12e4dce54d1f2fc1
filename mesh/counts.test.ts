import { expect, test } from 'vitest'
import { countsIn, createCounts } from './counts.ts'

const counted = (nodeId: string, instances: Record<string, [requests: number, failed: number]>) => ({
  nodeId,
  instances: new Map(
    Object.entries(instances).map(([name, [requests, failed]]) => [name, { requests, failed, active: 0 }]),
  ),
})

test('what Envoy says of the endpoints of a service is read; a counter that is not there is zero', () => {
  const host = (hostname: string, ...stats: object[]) => ({ hostname, stats })
  const body = JSON.stringify({
    cluster_statuses: [
      { name: 'console', host_statuses: [host('console-1')] },
      {
        name: 'users',
        host_statuses: [
          host('users-1', { name: 'rq_success', value: '40' }, { name: 'rq_error', value: '2' }, { name: 'rq_total' }),
          host('users-2', { type: 'GAUGE', name: 'rq_active', value: '3' }),
        ],
      },
    ],
  })
  expect(Object.fromEntries(countsIn(body, 'users'))).toEqual({
    'users-1': { requests: 42, failed: 2, active: 0 },
    'users-2': { requests: 0, failed: 0, active: 3 },
  })
  expect(countsIn(body, 'images').size).toBe(0)
})

test('only what comes after the beginning counts, apart for both versions, over all Envoys', () => {
  const counts = createCounts()
  counts.add([counted('envoy-1', { 'users-1': [1000, 7] }), counted('envoy-2', { 'users-1': [10, 0] })])
  counts.mark('users-2', true)
  counts.add([
    counted('envoy-1', { 'users-1': [1010, 7], 'users-2': [3, 1] }),
    counted('envoy-2', { 'users-1': [15, 1], 'users-2': [2, 2] }),
  ])
  expect([counts.newer(), counts.older()]).toEqual([
    { requests: 5, failed: 3 },
    { requests: 15, failed: 1 },
  ])
})

test('an endpoint, or an Envoy, that begins anew is counted from nothing', () => {
  const counts = createCounts()
  counts.add([counted('envoy-1', { 'users-1': [1000, 0] })])
  counts.add([counted('envoy-1', {})])
  counts.mark('users-1', true)
  counts.add([counted('envoy-1', { 'users-1': [1200, 5] })])
  counts.add([])
  counts.add([counted('envoy-1', { 'users-1': [20, 0] })])
  expect(counts.newer()).toEqual({ requests: 1220, failed: 5 })
})
