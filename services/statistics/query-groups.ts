/** Blocks to series: grouped by labels, a point for each step. What is held grows with groups and steps, never with what is read. */
import { status } from '@grpc/grpc-js'
import { Aggregation, type MetricSeries } from '@site11/proto/grpc/site11/statistics/v1/metrics_service.ts'
import { ServiceError } from '@site11/runtime/errors.ts'
import { type BucketSink, type Kind, type Stat, valuesOf } from './block.ts'
import { Buckets } from './metric-buckets.ts'

/** The numbers of a group over some time. */
interface Cell {
  count: number
  sum: number
  min: number
  max: number
  level: number
  minutes: number
  buckets: Buckets | undefined
}

interface Group {
  labels: string[]
  total: Cell
  step: Cell
  /** Which step that is; -1 before the first. */
  at: number
  points: MetricSeries['points']
  /** Of the block that is being read. */
  level: number
  minutes: number
}

export interface GroupsOptions {
  aggregation: Aggregation
  /** What is asked for as one series. */
  groupBy: readonly string[]
  /** Whether a series counts. */
  has(labelOf: (label: string) => string, values: readonly string[]): boolean
  /** The groups, by their key, that stay by themselves; all others are put together. Undefined: all. */
  only?: ReadonlySet<string>
  /** Leaves the points out, for who only wants to know which groups are the largest. */
  totalsOnly?: boolean
  /** How long a step was up to now, s. */
  secondsOf(step: number): number
  maxGroups: number
  maxPoints: number
}

/** What a block is, to who reads it: its series, each with its buckets. */
export interface Readable {
  kind: Kind
  minutes: number
  dropped: number
  labels: readonly string[]
  /** Of its series. The very same array for blocks that have the same ones: what these are is then found out once. */
  keys: readonly string[]
  visit(series: (index: number, stat: Stat) => BucketSink | undefined): void
}

export interface Groups {
  /** Takes the blocks in the order of their steps. */
  add(step: number, block: Readable): void
  /** @returns the largest first, and what was put together last. */
  series(kind: Kind, seconds: number): MetricSeries[]
  dropped(): number
}

const other = 'other'
const shares: Partial<Record<Aggregation, number>> = {
  [Aggregation.AGGREGATION_P50]: 0.5,
  [Aggregation.AGGREGATION_P90]: 0.9,
  [Aggregation.AGGREGATION_P95]: 0.95,
  [Aggregation.AGGREGATION_P99]: 0.99,
}
export const needsBuckets = (aggregation: Aggregation): boolean => shares[aggregation] !== undefined
export const groupKey = (labels: readonly string[]): string => labels.join('\n')

export function createGroups(options: GroupsOptions): Groups {
  const { aggregation, groupBy, only, totalsOnly = false, secondsOf } = options
  const withBuckets = needsBuckets(aggregation)
  const groups = new Map<string, Group>()
  let placeByKey = new Map<string, Group | undefined>()
  let layout = ''
  let keys: readonly string[] = []
  let places: (Group | undefined)[] = []
  let dropped = 0
  let points = 0

  function placeOf(key: string, labels: readonly string[]): Group | undefined {
    const values = valuesOf(key)
    const labelOf = (label: string) => values[labels.indexOf(label)] ?? ''
    if (!options.has(labelOf, values)) return undefined
    const own = groupBy.map(labelOf)
    const isOther = only !== undefined && !only.has(groupKey(own))
    // No label of a group that is one can be the same: it begins otherwise.
    const id = isOther ? `\n${other}` : groupKey(own)
    const present = groups.get(id)
    if (present) return present
    if (groups.size >= options.maxGroups) throw tooManySeries(`more than ${options.maxGroups} series`)
    const group: Group = {
      labels: isOther ? groupBy.map(() => other) : own,
      total: emptyCell(withBuckets),
      step: emptyCell(withBuckets),
      at: -1,
      points: [],
      level: 0,
      minutes: 0,
    }
    groups.set(id, group)
    return group
  }

  /** @returns the groups of all series of a block, in their order. */
  function placesOf({ labels, keys: own }: Readable): (Group | undefined)[] {
    const named = labels.join('\n')
    if (named === layout && own === keys) return places
    if (named !== layout || placeByKey.size > 50_000) placeByKey = new Map()
    layout = named
    keys = own
    places = own.map(key => {
      const known = placeByKey.get(key)
      if (known || placeByKey.has(key)) return known
      const found = placeOf(key, labels)
      placeByKey.set(key, found)
      return found
    })
    return places
  }

  function end(group: Group, kind: Kind): void {
    // Once a step instead of once a series.
    addTo(group.total, group.step)
    if (group.step.buckets) group.total.buckets?.addAll(group.step.buckets)
    const value = group.at < 0 ? undefined : resultOf(group.step, aggregation, kind, secondsOf(group.at))
    if (value === undefined || totalsOnly) return
    if (++points > options.maxPoints) throw tooManySeries(`more than ${options.maxPoints} points`)
    group.points.push({ step: group.at, value })
  }

  return {
    add(step, block) {
      const { kind, minutes } = block
      dropped += block.dropped
      const found = placesOf(block)
      const isGauge = kind === 'gauge'
      const touched = new Set<Group>()
      block.visit((index, stat) => {
        const group = found[index]
        if (!group) return undefined
        if (group.at !== step) {
          end(group, kind)
          clear(group.step)
          group.at = step
        }
        addTo(group.step, stat)
        if (isGauge) {
          touched.add(group)
          group.level += stat.level
          group.minutes += stat.minutes
        }
        return group.step.buckets
      })
      for (const each of touched) {
        // Series that follow each other, as those of instances do, are there for as long as the block at most.
        const lasted = Math.min(minutes, each.minutes)
        for (const cell of [each.step, each.total]) {
          cell.level += each.level
          cell.minutes += lasted
        }
        each.level = 0
        each.minutes = 0
      }
    },
    series(kind, seconds) {
      const found = [...groups].flatMap(([id, group]) => {
        end(group, kind)
        const total = resultOf(group.total, aggregation, kind, seconds)
        return total === undefined ? [] : [{ id, labels: group.labels, points: group.points, total }]
      })
      const rank = ({ id, total }: { id: string; total: number }) => (id === `\n${other}` ? -Infinity : total)
      const sorted = found.sort((a, b) => rank(b) - rank(a) || (a.id < b.id ? -1 : 1))
      return sorted.map(({ labels, points, total }) => ({ labels, points, total }))
    },
    dropped: () => dropped,
  }
}

const emptyCell = (withBuckets: boolean): Cell => ({
  count: 0,
  sum: 0,
  min: Number.POSITIVE_INFINITY,
  max: Number.NEGATIVE_INFINITY,
  level: 0,
  minutes: 0,
  buckets: withBuckets ? new Buckets() : undefined,
})

/** Used again and not made anew: there is one for each group and step, of which there are tens of thousands. */
function clear(cell: Cell): void {
  cell.buckets?.clear()
  Object.assign(cell, emptyCell(false), { buckets: cell.buckets })
}

function addTo(cell: Cell, { count, sum, min, max }: Pick<Stat, 'count' | 'sum' | 'min' | 'max'>): void {
  cell.count += count
  cell.sum += sum
  if (min < cell.min) cell.min = min
  if (max > cell.max) cell.max = max
}

/** @returns undefined when there is nothing to tell. */
function resultOf(cell: Cell, aggregation: Aggregation, kind: Kind, seconds: number): number | undefined {
  const { count, sum, min, max, level, minutes, buckets } = cell
  switch (aggregation) {
    case Aggregation.AGGREGATION_SUM:
      return count
    case Aggregation.AGGREGATION_RATE:
      return count / Math.max(1, seconds)
    case Aggregation.AGGREGATION_AVERAGE:
      if (kind === 'gauge') return minutes > 0 ? level / minutes : undefined
      return count > 0 ? sum / count : undefined
    case Aggregation.AGGREGATION_MIN:
      return count > 0 ? min : undefined
    case Aggregation.AGGREGATION_MAX:
      return count > 0 ? max : undefined
    default: {
      const found = buckets?.percentile(shares[aggregation] ?? 0.5)
      return found === undefined ? undefined : Math.min(max, Math.max(min, found))
    }
  }
}

function tooManySeries(what: string): ServiceError {
  const message = `That would be ${what}. Ask for the largest only (top), for fewer labels (group_by), or for less by a filter.`
  return new ServiceError(status.INVALID_ARGUMENT, message, {
    reason: 'TOO_MANY_SERIES',
    violations: [{ field: 'group_by', description: message }],
  })
}
