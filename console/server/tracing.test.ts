import { expect, test } from 'vitest'
import { tracingOf } from './tracing.ts'

const tracing = (env: Record<string, string>) => tracingOf(env, env)

test('without an endpoint, or when it is switched off, nothing is traced', () => {
  expect(tracing({})).toBeUndefined()
  expect(tracing({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://a:4318', OTEL_SDK_DISABLED: 'true' })).toBeUndefined()
})

test.each([
  ['http://127.0.0.1:4318', { host: '127.0.0.1', port: 4318, tls: false, path: '/v1/traces' }],
  ['http://[::1]:4318/', { host: '::1', port: 4318, path: '/v1/traces' }],
  ['https://otlp.example.com/tenant', { host: 'otlp.example.com', port: 443, tls: true, path: '/tenant/v1/traces' }],
])('spans go to %s as the standard says', (endpoint, wanted) => {
  expect(tracing({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint })).toMatchObject({ ...wanted, headers: [], share: 1 })
})

test('an endpoint for traces alone is taken as it is', () => {
  const found = tracing({
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://a:1',
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://b:2/in?x=1',
    OTEL_EXPORTER_OTLP_HEADERS: 'X-Key=a%20b,c=d=e',
  })
  const headers = [
    ['x-key', 'a b'],
    ['c', 'd=e'],
  ]
  expect(found).toMatchObject({ host: 'b', port: 2, path: '/in?x=1', headers })
})

test.each([
  ['parentbased_traceidratio', '0.25', 0.25],
  ['traceidratio', '', 1],
  ['parentbased_always_off', '', 0],
  ['always_on', '0.5', 1],
])('the sampler %s with %j keeps a share of %d', (name, arg, share) => {
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://a:1', OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: arg }
  expect(tracing(env)?.share).toBe(share)
})
