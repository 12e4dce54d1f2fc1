import { exposition } from '@site11/runtime/telemetry/exposition.ts'
import { counter } from '@site11/runtime/telemetry/metrics.ts'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { envoyPage } from './envoy.ts'
import { familiesOf, mergePages, PageError } from './pages.ts'

const one = `# HELP calls_total Calls.
# TYPE calls_total counter
calls_total{instance="a"} 1
# HELP took_seconds How long.
# TYPE took_seconds histogram
took_seconds_bucket{instance="a",le="+Inf"} 2
took_seconds_sum{instance="a"} 0.5
took_seconds_count{instance="a"} 2
`

test('samples of one metric stand together, under one head', () => {
  const other = one.replaceAll('"a"', '"b"')
  expect(mergePages([familiesOf(one), familiesOf(other)])).toBe(`# HELP calls_total Calls.
# TYPE calls_total counter
calls_total{instance="a"} 1
calls_total{instance="b"} 1
# HELP took_seconds How long.
# TYPE took_seconds histogram
took_seconds_bucket{instance="a",le="+Inf"} 2
took_seconds_sum{instance="a"} 0.5
took_seconds_count{instance="a"} 2
took_seconds_bucket{instance="b",le="+Inf"} 2
took_seconds_sum{instance="b"} 0.5
took_seconds_count{instance="b"} 2
`)
})

test('where two pages differ in the type of a metric, the first is believed', () => {
  const other = '# TYPE calls_total gauge\ncalls_total{instance="b"} 7\n'
  expect(mergePages([familiesOf(one), familiesOf(other)])).not.toContain('"b"')
})

test.each(['nonsense', 'a{b="c} 1', 'a{b="c"} x', 'a 1 2 3', '# EOF', 'a{b="c"}'])('%j is no line of a page', line => {
  expect(() => familiesOf(`${one}${line}\n`)).toThrow(PageError)
})

test('whatever a label holds, the page can be read', () => {
  const name = 'test.pages.labels'
  const things = counter({ name, description: 'Things', unit: '{thing}', labels: ['kind'] })
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), kind => {
      things.add(1, kind)
      const page = exposition({ instance: 'a' })
      expect(familiesOf(page).get('test_pages_labels_total')?.samples.length).toBeGreaterThan(0)
    }),
  )
})

test('of an Envoy what is known by name is shown, with the name of the proxy', () => {
  const page = `# TYPE envoy_server_live gauge
envoy_server_live{} 1
# TYPE envoy_cluster_upstream_rq_total counter
envoy_cluster_upstream_rq_total{envoy_cluster_name="users"} 3
# TYPE envoy_secret gauge
envoy_secret{} 1
`
  expect(envoyPage('envoy-1', page)).toBe(`# HELP envoy_server_live Whether the proxy is live, and not draining.
# TYPE envoy_server_live gauge
envoy_server_live{service="envoy",instance="envoy-1"} 1
# HELP envoy_cluster_upstream_rq_total Requests sent to instances.
# TYPE envoy_cluster_upstream_rq_total counter
envoy_cluster_upstream_rq_total{service="envoy",instance="envoy-1",envoy_cluster_name="users"} 3`)
})
