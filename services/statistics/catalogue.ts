/** What metrics there are: those that every mesh has, and those that were declared since. */

import { status } from '@grpc/grpc-js'
import { type Metric, MetricKind } from '@site11/proto/grpc/site11/statistics/v1/metrics_service.ts'
import { ServiceError } from '@site11/runtime/errors.ts'
import type { Kind } from './block.ts'
import { eventsMetric } from './domain-events.ts'
import { requestLabels } from './request-blocks.ts'
import { faultOf } from './signals.ts'

export interface MetricInfo {
  name: string
  description: string
  kind: Kind
  unit: string
  labels: readonly string[]
  /** The metric that it is a part of, and which of its series. */
  partOf?: { metric: string; has(values: readonly string[]): boolean }
}

const builtIn: readonly MetricInfo[] = [
  eventsMetric,
  {
    name: 'requests',
    description: 'Requests that ended, as the proxies and the called services tell of them.',
    kind: 'counter',
    unit: '{request}',
    labels: requestLabels,
  },
  {
    name: 'request.errors',
    description: 'Requests that failed by the fault of a service.',
    kind: 'counter',
    unit: '{request}',
    labels: requestLabels,
    partOf: { metric: 'requests', has: values => faultOf(values) === 'server' },
  },
  {
    name: 'request.client_errors',
    description: 'Requests that failed by the fault of their caller.',
    kind: 'counter',
    unit: '{request}',
    labels: requestLabels,
    partOf: { metric: 'requests', has: values => faultOf(values) === 'client' },
  },
  {
    name: 'request.duration',
    description: 'How long requests took. Streams that live as long as their caller are left out.',
    kind: 'distribution',
    unit: 'ms',
    labels: requestLabels,
  },
]

export interface Catalogue {
  /** Sorted by name. */
  all(): MetricInfo[]
  /** @throws ServiceError UNKNOWN_METRIC, naming those that are most like it. */
  get(name: string): MetricInfo
}

/** @param declared what there is besides the built-in ones, as of now. */
export function createCatalogue(declared: () => Iterable<MetricInfo>): Catalogue {
  const all = () => [...builtIn, ...declared()].sort((a, b) => (a.name < b.name ? -1 : 1))
  return {
    all,
    get(name) {
      const found = all()
      const metric = found.find(each => each.name === name)
      if (metric) return metric
      const names = found.map(each => each.name)
      const near = nearest(name, names).join(', ')
      throw new ServiceError(status.NOT_FOUND, `There is no metric ${name}. Those most like it are ${near}.`, {
        reason: 'UNKNOWN_METRIC',
        metadata: { metric: name, nearest: near },
      })
    },
  }
}

export const metricOf = ({ name, description, kind, unit, labels }: MetricInfo): Metric => ({
  name,
  description,
  kind: kinds[kind],
  unit,
  labels: [...labels],
})

const kinds: Record<Kind, MetricKind> = {
  counter: MetricKind.METRIC_KIND_COUNTER,
  gauge: MetricKind.METRIC_KIND_GAUGE,
  distribution: MetricKind.METRIC_KIND_DISTRIBUTION,
}

/** @returns the three names that are most like another: by how many pairs of letters they share (Dice). */
export function nearest(name: string, names: readonly string[]): string[] {
  const wanted = pairsOf(name)
  const likeness = (other: string) => {
    const pairs = pairsOf(other)
    const shared = [...wanted].filter(pair => pairs.has(pair)).length
    return (2 * shared) / (wanted.size + pairs.size)
  }
  return names
    .map(other => ({ other, score: likeness(other) }))
    .sort((a, b) => b.score - a.score)
    .slice(0, 3)
    .map(({ other }) => other)
}

const pairsOf = (text: string) => new Set(Array.from(` ${text}`, (_, at) => ` ${text} `.slice(at, at + 2)))
