import { create } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import {
  HealthStatus,
  InstanceBeliefsSchema,
  MeshHealthSchema,
} from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import {
  CallState,
  InstanceHealth,
  ProxyProgress,
  ProxySchema,
} from '@site11/proto/es/site11/console/v1/registry_service_pb.ts'
import { WatchSignalsResponseSchema } from '@site11/proto/es/site11/statistics/v1/statistics_service_pb.ts'
import { expect, test } from 'vitest'
import { figuresMs, signalsWith } from '../signals/signals.ts'
import { type Flow, flowsOf } from './flows.ts'
import { filtered, folded, groupId, mostParts, topologyFrom } from './model.ts'

const instance = (name: string, more: object = {}) =>
  create(InstanceBeliefsSchema, {
    registered: true,
    instance: {
      service: name.replace(/-\d+$/, ''),
      instance: name,
      health: InstanceHealth.HEALTHY,
      attached: true,
      ...more,
    },
  })

function meshOf(names: string[], more: Record<string, object> = {}) {
  const instances = new Map(names.map(name => [name, instance(name, more[name])]))
  const services = [...new Set(names.map(name => name.replace(/-\d+$/, '')))]
  const proxies = new Map([['envoy-1', create(ProxySchema, { nodeId: 'envoy-1', progress: ProxyProgress.ACCEPTED })]])
  const health = create(MeshHealthSchema, {
    status: HealthStatus.HEALTHY,
    services: services.map(service => ({ service, status: HealthStatus.HEALTHY })),
    dependencies: [{ name: 'mongodb', status: HealthStatus.HEALTHY, neededBy: services }],
  })
  return { instances, proxies, health }
}
const flow = (caller: string, service: string, rate: number, errors = 0): Flow => ({
  caller,
  service,
  rate,
  errors,
  p95Ms: 10,
})
const linksOf = ({ links }: ReturnType<typeof topologyFrom>) => links.map(({ id }) => id).sort()

test('what the control plane knows is drawn without any figures', () => {
  const calls = { 'console-1': { calls: [{ service: 'users', state: CallState.CLOSED }] } }
  const topology = topologyFrom(meshOf(['console-1', 'users-1', 'users-2'], calls), undefined, undefined)
  expect(topology.parts.map(({ id }) => id)).toEqual([
    'clients',
    'edge',
    'service/console',
    'service/users',
    'store/mongodb',
  ])
  expect(linksOf(topology)).toEqual([
    'clients>edge',
    'edge>service/console',
    'edge>service/users',
    'service/console>service/users',
    'service/console>store/mongodb',
    'service/users>store/mongodb',
  ])
  expect(topology.parts.every(({ rate }) => rate === undefined)).toBe(true)
  expect(topology.parts.find(({ id }) => id === 'service/users')?.members).toHaveLength(2)
})

test('the edge leads to what it routes to, and to what the traffic shows', () => {
  const mesh = meshOf(['console-1', 'users-1', 'hidden-1'])
  expect(linksOf(topologyFrom(mesh, [], new Set(['users'])))).not.toContain('edge>service/hidden')
  expect(linksOf(topologyFrom(mesh, [flow('edge', 'hidden', 1)], new Set(['users'])))).toContain('edge>service/hidden')
})

test('figures come from the traffic: sums of rates, shares of errors', () => {
  const flows = [flow('edge', 'users', 8, 0.5), flow('console', 'users', 2), flow('edge', 'console', 10)]
  const { parts, links } = topologyFrom(meshOf(['console-1', 'users-1']), flows, undefined)
  expect(parts.find(({ id }) => id === 'service/users')).toMatchObject({ rate: 10, errors: 0.4 })
  expect(parts.find(({ id }) => id === 'edge')).toMatchObject({ rate: 18 })
  expect(links.find(({ id }) => id === 'service/console>service/users')).toMatchObject({ rate: 2, errors: 0 })
})

test('an open breaker and a store that does not answer are said on the line', () => {
  const calls = { 'console-1': { calls: [{ service: 'users', state: CallState.OPEN, reason: 'too many failed' }] } }
  const store = { 'users-1': { dependencies: [{ name: 'mongodb', healthy: false, reason: 'no primary' }] } }
  const { links } = topologyFrom(meshOf(['console-1', 'users-1'], { ...calls, ...store }), undefined, undefined)
  const broken = Object.fromEntries(links.flatMap(({ id, broken }) => (broken ? [[id, broken]] : [])))
  expect(broken).toEqual({
    'service/console>service/users': 'too many failed',
    'service/users>store/mongodb': 'no primary',
  })
})

test('without a proxy the edge fails', () => {
  const { parts } = topologyFrom({ ...meshOf(['users-1']), proxies: new Map() }, undefined, undefined)
  expect(parts.find(({ id }) => id === 'edge')?.state?.name).toBe('failing')
})

test('a filter keeps what is asked for and what is next to it', () => {
  const topology = topologyFrom(meshOf(['users-1', 'images-1']), undefined, undefined)
  const { parts } = filtered(topology, { service: 'USER' })
  expect(parts.map(({ id }) => id)).toEqual(['clients', 'edge', 'service/users', 'store/mongodb'])
  expect(filtered(topology, { failing: true }).parts).toEqual([])
  expect(filtered(topology, { service: 'nothing' }).parts).toEqual([])
})

test('beyond fifty the idle and healthy are folded into one, and nothing of their traffic is lost', () => {
  const names = Array.from({ length: 80 }, (_, at) => `s${at}-1`)
  const mesh = meshOf(names)
  const sick = mesh.health.services.find(({ service }) => service === 's79')
  if (sick) sick.status = HealthStatus.FAILING
  const flows = names.map((name, at) => flow('edge', name.replace(/-1$/, ''), at < 10 ? 100 : 1))
  const whole = topologyFrom(mesh, flows, undefined)
  const { parts, links } = folded(whole)
  expect(parts.length).toBeLessThanOrEqual(mostParts)
  const ids = parts.map(({ id }) => id)
  expect(ids).toContain('service/s79')
  for (let at = 0; at < 10; at++) expect(ids).toContain(`service/s${at}`)
  const group = parts.find(({ id }) => id === groupId)
  expect(group?.folded).toHaveLength(60)
  expect(group?.rate).toBeCloseTo(60)
  const known = new Set(ids)
  expect(links.every(({ from, to }) => known.has(from) && known.has(to))).toBe(true)
  expect(new Set(links.map(({ id }) => id)).size).toBe(links.length)
  const fromEdge = links.filter(({ from }) => from === 'edge').reduce((sum, { rate = 0 }) => sum + rate, 0)
  expect(fromEdge).toBeCloseTo(10 * 100 + 70)
})

const message = (endMs: number, points: [startMs: number, requests: number, errors: number][]) =>
  create(WatchSignalsResponseSchema, {
    time: timestampFromMs(endMs),
    series: [
      {
        labels: ['edge', 'users'],
        points: points.map(([ms, requests, errors]) => ({
          startTime: timestampFromMs(ms),
          requests: BigInt(requests),
          serverErrors: BigInt(errors),
          p95Ms: requests,
        })),
      },
    ],
  })

test('flows are those of the last minute: older steps fall out, a step that comes again takes its own place', () => {
  const start = 1_000_000_000_000
  const reduce = signalsWith(10_000, figuresMs)
  const first = reduce(
    undefined,
    message(start + 60_000, [
      [start, 600, 0],
      [start + 50_000, 60, 6],
    ]),
  )
  expect(flowsOf(first)).toEqual([{ caller: 'edge', service: 'users', rate: 11, errors: 6 / 660, p95Ms: 600 }])
  const second = reduce(
    first,
    message(start + 70_000, [
      [start + 50_000, 120, 12],
      [start + 60_000, 60, 0],
    ]),
  )
  expect(flowsOf(second)).toEqual([{ caller: 'edge', service: 'users', rate: 3, errors: 12 / 180, p95Ms: 120 }])
  const silent = create(WatchSignalsResponseSchema, { time: timestampFromMs(start + 200_000) })
  expect(flowsOf(reduce(second, silent))).toEqual([])
})
