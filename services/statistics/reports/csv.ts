/** A report as CSV (RFC 4180): a row for each point. Pure. */
import { PanelKind } from '@site11/proto/grpc/site11/statistics/v1/dashboards_service.ts'
import type { Content, PanelContent, Series } from './content.ts'
import { seriesName, words } from './words.ts'

/** Spreadsheets take it for UTF-8 only by this. */
const byteOrderMark = '\ufeff'

export function csvOf({ panels, language, endMs }: Content): string {
  const rows = [words[language].columns.map(cell)]
  for (const panel of panels) {
    for (const series of panel.series) {
      const head = [panel.title, series.query, seriesName(language, series)].map(cell)
      for (const [ms, value] of pointsOf(panel, series, endMs))
        rows.push([...head, new Date(ms).toISOString(), String(value), cell(panel.unit || series.unit)])
    }
  }
  return byteOrderMark + rows.map(row => `${row.join(',')}\r\n`).join('')
}

/** Numbers and tables show the whole span, lines and bars each step. */
function pointsOf({ kind }: PanelContent, { startMs, stepMs, points, total }: Series, endMs: number) {
  if (kind === PanelKind.PANEL_KIND_NUMBER || kind === PanelKind.PANEL_KIND_TABLE) return [[endMs, total]] as const
  return points.map(([step, value]) => [startMs + step * stepMs, value] as const)
}

/** A text that a spreadsheet would take for a formula begins with an apostrophe: names of series come from whoever calls the mesh. */
export function cell(text: string): string {
  const safe = /^[\s\p{Cc}]*[=+\-@|%\uff1d\uff0b\uff0d\uff20]|^[\t\r]/u.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
