import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { EndpointStatus, InstanceBeliefsSchema } from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import { InstanceHealth, type InstanceSchema } from '@site11/proto/es/site11/console/v1/registry_service_pb.ts'
import { expect, test } from 'vitest'
import { viewOf } from '../mesh/services.ts'
import { beliefsOf } from './beliefs.ts'

const { HEALTHY, UNHEALTHY, DRAINING, ABSENT } = EndpointStatus
const failing = { health: InstanceHealth.FAILING, healthReason: 'no answer' }
const drained = { draining: true, drainedBy: 'operator' }

function told(init: MessageInitShape<typeof InstanceSchema>, statuses: EndpointStatus[], registered = true) {
  const base = { service: 'users', instance: 'users-1', health: InstanceHealth.HEALTHY, attached: true }
  const beliefs = create(InstanceBeliefsSchema, {
    registered,
    instance: { ...base, ...init },
    proxies: statuses.map((status, index) => ({ nodeId: `envoy-${index + 1}`, status })),
  })
  return viewOf(beliefs).flatMap(view =>
    beliefsOf(view).map(({ who, says, differs }) => `${who} ${says}${differs ? ' !' : ''}`),
  )
}

test.each<[string, MessageInitShape<typeof InstanceSchema>, EndpointStatus[], string[]]>([
  ['all agree', {}, [HEALTHY], ['registry attached', 'health healthy', 'envoy-1 sends']],
  [
    'one proxy has not heard of it yet',
    {},
    [HEALTHY, ABSENT],
    ['registry attached', 'health healthy', 'envoy-1 sends', 'envoy-2 absent !'],
  ],
  [
    'it fails, and a proxy still sends',
    failing,
    [UNHEALTHY, HEALTHY],
    ['registry attached', 'health failing', 'envoy-1 sendsNot', 'envoy-2 sends !'],
  ],
  [
    'drained, with the health check seeing it well',
    drained,
    [DRAINING, HEALTHY],
    ['registry drained', 'health healthy', 'envoy-1 drains', 'envoy-2 sends !'],
  ],
  ['it leaves', { draining: true }, [DRAINING], ['registry leaving', 'health healthy', 'envoy-1 drains']],
  ['its stream is lost', { attached: false }, [HEALTHY], ['registry detached !', 'health healthy', 'envoy-1 sends']],
  [
    'it starts',
    { health: InstanceHealth.UNSPECIFIED },
    [UNHEALTHY],
    ['registry attached', 'health unchecked', 'envoy-1 sendsNot'],
  ],
  [
    'the Console is sent to whatever it says of itself',
    { ...failing, service: 'console' },
    [HEALTHY],
    ['registry attached', 'health failing', 'envoy-1 sends'],
  ],
])('%s', (_, init, statuses, expected) => {
  expect(told(init, statuses)).toEqual(expected)
})

test('what only proxies know is nobody for the registry, and nobody checks it', () => {
  expect(told({}, [HEALTHY, ABSENT], false)).toEqual(['registry notRegistered', 'envoy-1 sends !', 'envoy-2 absent'])
})
