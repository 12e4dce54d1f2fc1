import { EndpointStatus, type InstanceBeliefs } from '@site11/proto/grpc/site11/console/v1/diagnostics_service.ts'
import { expect, test } from 'vitest'
import { instanceBeliefs } from './beliefs.ts'
import { ago, endpoints, failing, instance, proxy } from './fixtures.ts'

const { ENDPOINT_STATUS_ABSENT, ENDPOINT_STATUS_DRAINING, ENDPOINT_STATUS_HEALTHY, ENDPOINT_STATUS_UNHEALTHY } =
  EndpointStatus
const short = ({ instance: of, registered, agreed, proxies }: InstanceBeliefs) => [
  of?.instance,
  registered,
  agreed,
  proxies.map(({ nodeId, status }) => [nodeId, status]),
]

test('of each instance it is told what every proxy does with it, sorted by name and node', () => {
  const beliefs = instanceBeliefs(
    [
      instance('users-2', failing('no answer')),
      instance('users-1'),
      instance('users-3', { draining: true, drainedBy: 'operator' }),
      instance('images-1'),
    ],
    [proxy('envoy-2'), proxy('envoy-1')],
    [
      endpoints('envoy-2', { 'users/users-1': 'healthy' }),
      endpoints('envoy-1', {
        'users/users-1': 'healthy',
        'users/users-2': 'unhealthy',
        'users/users-3': 'draining',
        'images/images-1': 'healthy',
      }),
    ],
  )
  expect(beliefs.map(short)).toEqual([
    [
      'images-1',
      true,
      false,
      [
        ['envoy-1', ENDPOINT_STATUS_HEALTHY],
        ['envoy-2', ENDPOINT_STATUS_ABSENT],
      ],
    ],
    [
      'users-1',
      true,
      true,
      [
        ['envoy-1', ENDPOINT_STATUS_HEALTHY],
        ['envoy-2', ENDPOINT_STATUS_HEALTHY],
      ],
    ],
    [
      'users-2',
      true,
      false,
      [
        ['envoy-1', ENDPOINT_STATUS_UNHEALTHY],
        ['envoy-2', ENDPOINT_STATUS_ABSENT],
      ],
    ],
    [
      'users-3',
      true,
      false,
      [
        ['envoy-1', ENDPOINT_STATUS_DRAINING],
        ['envoy-2', ENDPOINT_STATUS_ABSENT],
      ],
    ],
  ])
  expect(beliefs[0]?.disagreement).toBe('The registry has it serving; for envoy-2 it is unknown.')
  expect(beliefs[1]?.disagreement).toBe('')
  expect(beliefs[1]?.proxies[0]).toMatchObject({ since: ago(600), version: 'v1' })
})

test('an instance that only a proxy knows is told of by its name', () => {
  const [ghost] = instanceBeliefs([], [proxy('envoy-1')], [endpoints('envoy-1', { 'users/users-9': 'healthy' })])
  expect(ghost).toMatchObject({
    registered: false,
    agreed: false,
    instance: { service: 'users', instance: 'users-9', address: '' },
  })
  expect(ghost?.disagreement).toBe('The registry does not have it; for envoy-1 it is healthy and gets requests.')
})

test("a client that is no Envoy need not know services that it does not call, nor anybody the Console's HTTP port", () => {
  const beliefs = instanceBeliefs(
    [instance('users-1'), instance('users-2'), instance('images-1')],
    [proxy('app', { client: 'gRPC Node.js 1.14.7' })],
    [endpoints('app', { 'users/users-1': 'healthy', 'console-http/console': 'healthy' })],
  )
  expect(beliefs.map(short)).toEqual([
    ['images-1', true, true, []],
    ['users-1', true, true, [['app', ENDPOINT_STATUS_HEALTHY]]],
    ['users-2', true, false, [['app', ENDPOINT_STATUS_ABSENT]]],
  ])
})

test('what a proxy that is gone had is not told', () => {
  expect(instanceBeliefs([], [], [endpoints('envoy-1', { 'users/users-9': 'healthy' })])).toEqual([])
})
