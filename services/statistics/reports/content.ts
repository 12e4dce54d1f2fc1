/** What a report shows: a dashboard with the values that its queries had. Plain data, which goes to another thread. */
import type {
  Dashboard,
  Panel,
  PanelKind,
  PanelQuery,
} from '@site11/proto/grpc/site11/statistics/v1/dashboards_service.ts'
import { ServiceError } from '@site11/runtime/errors.ts'
import type { Query } from '../alerts/evaluate.ts'
import { chosen } from '../dashboards/dashboard.ts'
import { fillIn } from '../dashboards/variables.ts'
import { msOf } from '../resources.ts'

export interface Content {
  title: string
  description: string
  language: 'en' | 'ko'
  timeZone: string
  /** Epoch ms. */
  startMs: number
  endMs: number
  madeMs: number
  variables: [name: string, value: string][]
  panels: PanelContent[]
}

export interface PanelContent {
  title: string
  description: string
  kind: PanelKind
  stacked: boolean
  unit: string
  thresholds: { value: number; level: number }[]
  series: Series[]
  /** How many series are not shown, as there are too many. */
  left: number
  /** Why it could not be asked for; empty when it could. */
  problem: string
}

export interface Series {
  name: string
  query: string
  /** Of which query; the same for a series and how it went earlier. */
  earlier: boolean
  unit: string
  startMs: number
  stepMs: number
  points: [step: number, value: number][]
  total: number
}

export interface Span {
  startMs: number
  endMs: number
}

/** So many series of a panel are shown: more cannot be told apart, and would take memory without bound. */
const mostSeries = 30

/**
 * Asks for all that a dashboard shows. A panel that cannot be asked for says why; the others are there.
 * @throws when none of the panels could be asked for: what the first one threw; and what says that the database is away.
 */
export async function contentOf(
  query: Query,
  dashboard: Dashboard,
  { startMs, endMs }: Span,
  values: Record<string, string>,
  how: Pick<Content, 'language' | 'timeZone' | 'madeMs'>,
  signal: AbortSignal,
): Promise<Content> {
  const variables = chosen(dashboard.variables, values)
  const panels: PanelContent[] = []
  const errors: unknown[] = []
  for (const panel of inReadingOrder(dashboard.panels)) {
    signal.throwIfAborted()
    const series: Series[] = []
    let problem = ''
    let unit = panel.unit
    for (const asked of panel.queries) {
      try {
        const found = await seriesOf(query, asked, { startMs, endMs }, variables, signal)
        unit ||= found[0]?.unit ?? ''
        series.push(...found)
      } catch (error) {
        if (!(error instanceof ServiceError) || error.details.reason === 'DEPENDENCY_UNAVAILABLE') throw error
        errors.push(error)
        problem = error.message
      }
    }
    const { title, description, kind, stacked, thresholds } = panel
    const left = Math.max(0, series.length - mostSeries)
    panels.push({
      title,
      description,
      kind,
      stacked,
      thresholds,
      unit,
      series: series.slice(0, mostSeries),
      left,
      problem,
    })
  }
  if (errors.length > 0 && panels.every(({ problem }) => problem !== '')) throw errors[0]
  const { title, description } = dashboard
  return { title, description, ...how, startMs, endMs, variables: Object.entries(variables), panels }
}

async function seriesOf(
  query: Query,
  asked: PanelQuery,
  { startMs, endMs }: Span,
  values: Record<string, string>,
  signal: AbortSignal,
): Promise<Series[]> {
  const { label, metric, groupBy, aggregation, top, compare } = asked
  const answer = await query(
    {
      ...{ metric, groupBy, aggregation, top, compare, filter: fillIn(asked.filter, values) },
      ...{ startTime: new Date(startMs), endTime: new Date(endMs) },
    },
    signal,
  )
  const stepMs = msOf(answer.step, 60_000)
  const from = answer.startTime?.getTime() ?? startMs
  const make = (earlier: boolean) => (series: (typeof answer.series)[number]) => ({
    name: nameOf(label, metric, series.labels),
    query: label || metric,
    ...{ earlier, unit: answer.unit, startMs: from, stepMs, total: series.total },
    points: series.points.map(({ step, value }): [number, number] => [step, value]),
  })
  return [...answer.series.map(make(false)), ...answer.earlier.map(make(true))]
}

const nameOf = (label: string, metric: string, labels: string[]) => {
  const group = labels.join(' · ')
  if (group === '') return label || metric
  return label ? `${label} ${group}` : group
}

const inReadingOrder = (panels: Panel[]) =>
  panels.toSorted(({ position: a }, { position: b }) => (a?.y ?? 0) - (b?.y ?? 0) || (a?.x ?? 0) - (b?.x ?? 0))
