/** Panels of dashboards, as they are asked for and drawn: pure. */
import { create } from '@bufbuild/protobuf'
import {
  type Dashboard,
  type Panel,
  PanelKind,
  PanelQuerySchema,
  PanelSchema,
} from '@site11/proto/es/site11/statistics/v1/dashboards_service_pb.ts'
import { aggregateNamed, aggregations } from './kinds.ts'
import { below, type Place } from './layout.ts'
import type { QueryDraft } from './query-fields.tsx'
import { defaultRange, type RangeName, rangeNames, ranges } from './range.ts'
import type { View } from './search.ts'
import type { Asked } from './use-metrics.ts'
import { filled } from './variables.ts'

const viewNames: Readonly<Record<number, View>> = {
  [PanelKind.LINE]: 'line',
  [PanelKind.BAR]: 'bar',
  [PanelKind.NUMBER]: 'number',
  [PanelKind.TABLE]: 'table',
}
export const viewOf = ({ kind }: Panel): View => viewNames[kind] ?? 'line'
export const panelKinds = { line: PanelKind.LINE, bar: PanelKind.BAR, number: PanelKind.NUMBER, table: PanelKind.TABLE }

/** @param compareMs asked for the whole dashboard; a query that compares by itself goes before it. */
export const askedOf = ({ queries }: Panel, values: ReadonlyMap<string, string>, compareMs: number): Asked[] =>
  queries.map(({ label, metric, groupBy, filter, aggregation, top, compare }) => ({
    label,
    metric,
    groupBy,
    filter: filled(filter, values),
    aggregation,
    top,
    compareMs: compare ? Number(compare.seconds) * 1000 : compareMs,
  }))

export const placesOf = (panels: readonly Panel[]): Place[] =>
  panels.map(({ id, position }) => ({
    id,
    x: position?.x ?? 0,
    y: position?.y ?? 0,
    width: position?.width ?? 6,
    height: position?.height ?? 4,
  }))

export const withPlaces = (panels: readonly Panel[], places: readonly Place[]): Panel[] =>
  panels.map(panel => {
    const place = places.find(({ id }) => id === panel.id)
    if (!place || !panel.position) return panel
    const { id: _, ...position } = place
    return { ...panel, position: { ...panel.position, ...position } }
  })

const newId = (panels: readonly Panel[]) => {
  let number = panels.length + 1
  while (panels.some(({ id }) => id === `panel-${number}`)) number++
  return `panel-${number}`
}

/** @returns a panel below the others that shows what is asked. */
export function newPanel(panels: readonly Panel[], draft: QueryDraft, title: string, view: View = 'line'): Panel {
  const { id, ...position } = below(placesOf(panels), newId(panels), { width: 6, height: 5 })
  return create(PanelSchema, { id, title, kind: panelKinds[view], position, queries: [queryFrom(draft)] })
}

export const queryFrom = ({ metric, by, filter, agg, top }: QueryDraft, label = '') =>
  create(PanelQuerySchema, {
    label,
    metric,
    groupBy: [...by],
    filter,
    aggregation: agg ? aggregations[agg] : 0,
    top: by.length > 0 ? top : 0,
  })

export const draftFrom = ({ metric, groupBy, filter, aggregation, top }: Panel['queries'][number]): QueryDraft => ({
  metric,
  by: groupBy,
  filter,
  agg: aggregateNamed(aggregation),
  top,
})

/** @returns the range that a dashboard shows at first: the named one that is nearest. */
export function rangeOf({ range }: Pick<Dashboard, 'range'>): RangeName {
  if (!range) return defaultRange
  const wanted = Number(range.seconds) * 1000
  return rangeNames.reduce((best, name) =>
    Math.abs(ranges[name] - wanted) < Math.abs(ranges[best] - wanted) ? name : best,
  )
}
