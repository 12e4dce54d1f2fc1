/** Charts as SVG, for HTML and PDF alike: nothing in it that one of them does not know. Pure. */
import { PanelKind } from '@site11/proto/grpc/site11/statistics/v1/dashboards_service.ts'
import type { Content, PanelContent, Series } from './content.ts'
import { tickText, valueText } from './words.ts'

/** Distinct also for those who see no red or no green (Okabe and Ito). */
const colors = ['#0072b2', '#e69f00', '#009e73', '#d55e00', '#cc79a7', '#56b4e9', '#f0e442', '#000000']
export const colorOf = (index: number): string => colors[index % colors.length] ?? '#000000'

const width = 640
const height = 200
const left = 64
const bottom = 22
const top = 10
const plot = { width: width - left - 8, height: height - top - bottom }
const levels = ['', '#009e73', '#e69f00', '#d55e00']

/** So many lines can be told apart. */
export const mostLines = 12

/** @returns the chart of a panel of lines or bars. */
export function chartOf(panel: PanelContent, content: Content): string {
  const { startMs, endMs, language } = content
  const shown = panel.series.slice(0, mostLines)
  const lines = panel.stacked ? stacked(shown) : shown.map(series => series.points.map(over))
  const most = Math.max(0, ...lines.flat().map(([, , value]) => value))
  const least = Math.min(0, ...lines.flat().map(([, , value]) => value))
  const ticks = niceTicks(least, most)
  const [low = 0, high = 1] = [ticks[0], ticks.at(-1)]
  const x = (ms: number) => left + (plot.width * (ms - startMs)) / (endMs - startMs)
  const y = (value: number) => top + plot.height * (1 - (value - low) / (high - low || 1))
  const parts: string[] = []
  for (const tick of ticks) {
    const at = round(y(tick))
    parts.push(
      `<line x1="${left}" y1="${at}" x2="${left + plot.width}" y2="${at}" stroke="#dddddd" stroke-width="0.7"/>`,
    )
    parts.push(text(left - 6, at + 3, valueText(language, tick, panel.unit), 'end'))
  }
  for (let index = 0; index <= 5; index++) {
    const ms = startMs + ((endMs - startMs) * index) / 5
    const anchor = index === 0 ? 'start' : index === 5 ? 'end' : 'middle'
    parts.push(text(x(ms), height - 6, tickText(content, ms, endMs - startMs), anchor))
  }
  for (const [index, points] of lines.entries()) {
    const series = shown[index]
    if (!series) continue
    const color = colorOf(index)
    const ms = (step: number) => Math.min(endMs, Math.max(startMs, series.startMs + step * series.stepMs))
    if (panel.kind === PanelKind.PANEL_KIND_BAR) {
      const [share, offset] = panel.stacked ? [0.8, 0.1] : [0.8 / lines.length, 0.1 + (0.8 * index) / lines.length]
      for (const [step, from, to] of points) {
        const [begin, end] = [x(ms(step)), x(ms(step + 1))]
        const [upper, lower] = [Math.min(y(from), y(to)), Math.max(y(from), y(to))]
        const at = `x="${round(begin + (end - begin) * offset)}" y="${round(upper)}"`
        const size = `width="${round((end - begin) * share)}" height="${round(lower - upper)}"`
        parts.push(`<rect ${at} ${size} fill="${color}"/>`)
      }
    } else
      for (const run of runsOf(points))
        parts.push(
          line(
            run.map(([step, , to]) => [x(ms(step)), y(to)]),
            color,
            series,
          ),
        )
  }
  for (const { value, level } of panel.thresholds) {
    if (value < low || value > high) continue
    const at = round(y(value))
    const how = `stroke="${levels[level] ?? '#000000'}" stroke-width="1" stroke-dasharray="4 3"`
    parts.push(`<line x1="${left}" y1="${at}" x2="${left + plot.width}" y2="${at}" ${how}/>`)
  }
  const size = `viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"`
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="Pretendard, sans-serif" font-size="10">${parts.join('')}</svg>`
}

/** A step, and from where to where its mark reaches. */
type Mark = [step: number, from: number, to: number]

const over = ([step, value]: [number, number]): Mark => [step, 0, value]

/** Each series upon those before it. */
function stacked(series: Series[]): Mark[][] {
  const heights = new Map<number, number>()
  return series.map(({ points }) =>
    points.map(([step, value]): Mark => {
      const from = heights.get(step) ?? 0
      heights.set(step, from + value)
      return [step, from, from + value]
    }),
  )
}

/** @returns points that follow each other without a gap: over what was not measured no line is drawn. */
function runsOf(points: Mark[]): Mark[][] {
  const runs: Mark[][] = []
  for (const point of points) {
    const last = runs.at(-1)
    if (last?.at(-1)?.[0] === point[0] - 1) last.push(point)
    else runs.push([point])
  }
  return runs
}

function line(points: [x: number, y: number][], color: string, { earlier }: Series): string {
  const [only] = points
  if (points.length === 1 && only)
    return `<circle cx="${round(only[0])}" cy="${round(only[1])}" r="1.5" fill="${color}"/>`
  const path = points.map(([x, y]) => `${round(x)},${round(y)}`).join(' ')
  const dash = earlier ? ' stroke-dasharray="3 3"' : ''
  return `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="1.4"${dash}/>`
}

const text = (x: number, y: number, what: string, anchor: string) =>
  `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}" fill="#555555">${escaped(what)}</text>`

/** @returns four to six even values that span what is shown, in steps of 1, 2 or 5. */
export function niceTicks(least: number, most: number): number[] {
  const span = most - least || 1
  const power = 10 ** Math.floor(Math.log10(span / 4))
  const step = ([1, 2, 5, 10].find(each => each * power * 5 >= span) ?? 10) * power
  const [from, to] = [Math.floor(least / step), Math.ceil((most || least + span) / step)]
  return Array.from({ length: to - from + 1 }, (_, index) => Number(((from + index) * step).toPrecision(12)))
}

const round = (value: number) => Math.round(value * 10) / 10

/** @returns a text as XML and HTML take it. Characters that no XML may hold are left out. */
export const escaped = (what: string): string =>
  what.replaceAll(/[\p{Cc}\p{Cs}\ufffe\uffff]/gu, ' ').replaceAll(/[&<>"']/g, each => `&#${each.codePointAt(0)};`)
