/** The dashboards that come with the platform. They cannot be changed, so that they are as the documentation says; copies can. */

import {
  Dashboard,
  Panel,
  PanelKind,
  type PanelQuery,
  ThresholdLevel,
  Visibility,
} from '@site11/proto/grpc/site11/statistics/v1/dashboards_service.ts'
import { Aggregation } from '@site11/proto/grpc/site11/statistics/v1/metrics_service.ts'
import { etagOf } from '@site11/runtime/store/etag.ts'

const { PANEL_KIND_LINE: line, PANEL_KIND_BAR: bar, PANEL_KIND_NUMBER: number, PANEL_KIND_TABLE: table } = PanelKind
const { AGGREGATION_SUM: sum, AGGREGATION_RATE: rate, AGGREGATION_P50: p50 } = Aggregation
const { AGGREGATION_P95: p95, AGGREGATION_P99: p99 } = Aggregation

type Place = [x: number, y: number, width: number, height: number]
type Query = Partial<PanelQuery> & Pick<PanelQuery, 'metric'>

const panel = (id: string, title: string, kind: PanelKind, at: Place, queries: Query[], more: Partial<Panel> = {}) => {
  const [x, y, width, height] = at
  return Panel.fromPartial({ id, title, kind, position: { x, y, width, height }, queries, ...more })
}

const thresholds = (warning: number, critical: number) => [
  { value: warning, level: ThresholdLevel.THRESHOLD_LEVEL_WARNING },
  { value: critical, level: ThresholdLevel.THRESHOLD_LEVEL_CRITICAL },
]

const service = 'service = $service'

/** The usual four of a set of requests: how many, how many failed, how long they took. */
const signals = (filter: string): Panel[] => [
  panel('requests', 'Requests', number, [0, 0, 3, 3], [{ metric: 'requests', filter, aggregation: sum }]),
  panel('errors', 'Server errors', number, [3, 0, 3, 3], [{ metric: 'request.errors', filter, aggregation: sum }], {
    thresholds: thresholds(1, 100),
  }),
  panel(
    'caller-errors',
    'Caller errors',
    number,
    [6, 0, 3, 3],
    [{ metric: 'request.client_errors', filter, aggregation: sum }],
  ),
  panel('p95', '95th percentile', number, [9, 0, 3, 3], [{ metric: 'request.duration', filter, aggregation: p95 }], {
    thresholds: thresholds(500, 2000),
  }),
]

const make = (id: string, title: string, description: string, rest: Partial<Dashboard>): Dashboard =>
  Dashboard.fromPartial({
    ...rest,
    ...{ id, title, description, range: { seconds: 3600, nanos: 0 }, builtIn: true },
    ...{ visibility: Visibility.VISIBILITY_SHARED, etag: etagOf(1) },
  })

export const builtIn: readonly Dashboard[] = [
  make('platform', 'Platform', 'How the services of the mesh fare.', {
    panels: [
      ...signals(''),
      panel(
        'rate',
        'Requests by service',
        line,
        [0, 3, 6, 6],
        [{ metric: 'requests', groupBy: ['service'], aggregation: rate, top: 10 }],
      ),
      panel(
        'error-rate',
        'Server errors by service',
        line,
        [6, 3, 6, 6],
        [{ metric: 'request.errors', groupBy: ['service'], aggregation: rate, top: 10 }],
      ),
      panel(
        'latency',
        '95th percentile by service',
        line,
        [0, 9, 6, 6],
        [{ metric: 'request.duration', groupBy: ['service'], aggregation: p95, top: 10 }],
      ),
      panel(
        'statuses',
        'Requests by status',
        bar,
        [6, 9, 6, 6],
        [{ metric: 'requests', groupBy: ['status'], aggregation: sum, top: 8 }],
        { stacked: true },
      ),
      panel(
        'methods',
        'Most called methods',
        table,
        [0, 15, 12, 7],
        [{ metric: 'requests', groupBy: ['service', 'method'], aggregation: sum, top: 15 }],
      ),
    ],
  }),
  make('service', 'Service', 'How one service fares, by method, version and caller.', {
    variables: [{ name: 'service', title: 'Service', metric: 'requests', label: 'service', value: '' }],
    panels: [
      ...signals(service),
      panel(
        'rate',
        'Requests by method',
        line,
        [0, 3, 6, 6],
        [{ metric: 'requests', filter: service, groupBy: ['method'], aggregation: rate, top: 10 }],
      ),
      panel(
        'error-rate',
        'Server errors by method',
        line,
        [6, 3, 6, 6],
        [{ metric: 'request.errors', filter: service, groupBy: ['method'], aggregation: rate, top: 10 }],
      ),
      panel(
        'latency',
        'Durations',
        line,
        [0, 9, 6, 6],
        [
          { metric: 'request.duration', label: 'p50', filter: service, aggregation: p50 },
          { metric: 'request.duration', label: 'p95', filter: service, aggregation: p95 },
          { metric: 'request.duration', label: 'p99', filter: service, aggregation: p99 },
        ],
      ),
      panel(
        'versions',
        'Requests by version',
        bar,
        [6, 9, 6, 6],
        [{ metric: 'requests', filter: service, groupBy: ['version'], aggregation: sum, top: 8 }],
        { stacked: true },
      ),
      panel(
        'callers',
        'Requests by caller',
        table,
        [0, 15, 6, 6],
        [{ metric: 'requests', filter: service, groupBy: ['caller', 'protocol'], aggregation: sum, top: 15 }],
      ),
      panel(
        'instances',
        '95th percentile by instance',
        table,
        [6, 15, 6, 6],
        [{ metric: 'request.duration', filter: service, groupBy: ['instance'], aggregation: p95, top: 15 }],
      ),
    ],
  }),
  make('product', 'Product', 'What callers from outside do: how much, by which way in, and how well it goes.', {
    panels: [
      ...signals('caller = "edge"'),
      panel(
        'ways',
        'Requests by way in',
        bar,
        [0, 3, 6, 6],
        [{ metric: 'requests', filter: 'caller = "edge"', groupBy: ['protocol'], aggregation: sum }],
        { stacked: true },
      ),
      panel(
        'week',
        'Requests against a week ago',
        line,
        [6, 3, 6, 6],
        [{ metric: 'requests', filter: 'caller = "edge"', aggregation: rate, compare: { seconds: 604800, nanos: 0 } }],
      ),
      panel(
        'refused',
        'What callers are refused',
        table,
        [0, 9, 12, 7],
        [
          {
            metric: 'request.client_errors',
            filter: 'caller = "edge"',
            groupBy: ['method', 'status'],
            aggregation: sum,
            top: 15,
          },
        ],
      ),
    ],
  }),
]
