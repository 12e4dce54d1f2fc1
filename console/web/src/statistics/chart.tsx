/** Lines or bars over time: zoom by dragging, one cursor with the other charts of the page, and all of it by keyboard too. */
import { useComputedColorScheme } from '@mantine/core'
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import styles from './chart.module.css'
import { colorOf, dashOf, levels } from './colors.ts'
import { Legend } from './legend.tsx'
import { type Line, type Plot, stackedOf } from './plot.ts'
import { zoomed } from './range.ts'
import { leastOf, valueText } from './units.ts'

export interface Mark {
  value: number
  /** A ThresholdLevel. */
  level: number
}

export interface ChartProps {
  label: string
  plot: Plot
  /** Charts with the same name share one cursor. */
  group: string
  bars?: boolean
  stacked?: boolean
  /** Instead of that of the metrics. */
  unit?: string | undefined
  marks?: readonly Mark[]
  height: number
  /** Says more of each line: least, most, total. */
  detailed?: boolean
  onZoom?: ((start: number, end: number) => void) | undefined
}

export function Chart(props: ChartProps) {
  const { plot, label, group, bars = false, stacked = false, marks = none, height, detailed = false, onZoom } = props
  const { t, i18n } = useTranslation()
  const language = i18n.language
  const scheme = useComputedColorScheme('light')
  const box = useRef<HTMLDivElement>(null)
  const made = useRef<uPlot>(undefined)
  const [at, setAt] = useState<number | null>(null)
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set())
  const unit = props.unit || plot.unit
  const { starts, lines } = plot
  const shown = useMemo(() => lines.filter(({ key }) => !hidden.has(key)), [lines, hidden])
  const data = useMemo((): uPlot.AlignedData => {
    const values = shown.map(({ values }) => values)
    return [starts.map(start => start / 1000), ...(stacked ? stackedOf(values) : values)]
  }, [starts, shown, stacked])
  const latest = useRef({ unit, language, marks, onZoom, data })
  latest.current = { unit, language, marks, onZoom, data }
  const shape = `${bars} ${stacked} ${height} ${shown.map(({ key, name, color }) => `${key} ${name} ${color}`).join('|')}`

  // biome-ignore lint/correctness/useExhaustiveDependencies: made anew when its lines or colours are others; data comes by setData
  useEffect(() => {
    const element = box.current
    if (!element) return
    const chart = new uPlot(
      {
        ...frameOf(scheme, language, () => latest.current),
        width: element.clientWidth,
        height,
        cursor: {
          sync: { key: group, scales: ['x', null] },
          points: { size: 6 },
          drag: { x: onZoom !== undefined, y: false, setScale: false },
          y: false,
        },
        series: [{}, ...shown.map(line => seriesOf(line, scheme, bars, stacked))],
        ...(stacked && {
          bands: shown.slice(1).map((_, place) => ({ series: [place + 2, place + 1] as uPlot.Band.Bounds })),
        }),
        hooks: {
          setCursor: [({ cursor: { idx } }) => setAt(idx ?? null)],
          setSelect: [
            self => {
              const { left, width } = self.select
              if (width < 4) return
              const [start, end] = [self.posToVal(left, 'x'), self.posToVal(left + width, 'x')]
              self.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
              latest.current.onZoom?.(Math.round(start * 1000), Math.round(end * 1000))
            },
          ],
          draw: [self => drawMarks(self, latest.current.marks, scheme)],
        },
      },
      latest.current.data,
      element,
    )
    made.current = chart
    const watch = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height }))
    watch.observe(element)
    return () => {
      watch.disconnect()
      made.current = undefined
      chart.destroy()
    }
  }, [shape, scheme, language, group, onZoom === undefined])

  // biome-ignore lint/correctness/useExhaustiveDependencies: an axis of another unit, and other marks, are drawn anew too
  useEffect(() => made.current?.setData(data), [data, unit, marks])

  const clock = useMemo(
    () => new Intl.DateTimeFormat(language, { dateStyle: 'short', timeStyle: 'medium' }),
    [language],
  )
  const when = at === null ? undefined : starts[at]
  const text = (value: number | null | undefined, line: Line) =>
    value === null || value === undefined ? '–' : valueText(value, props.unit || line.unit, language)

  function move(event: KeyboardEvent) {
    const chart = made.current
    const last = starts.length - 1
    const now = at ?? last
    const far = Math.max(1, Math.round(starts.length / 12))
    const next = keyMoves[event.key]?.(now, event.shiftKey ? far : 1, last)
    if (chart && next !== undefined) {
      event.preventDefault()
      const place = Math.min(Math.max(next, 0), last)
      chart.setCursor({ left: chart.valToPos((starts[place] ?? 0) / 1000, 'x'), top: 1 })
    } else if (onZoom && (event.key === '+' || event.key === '=' || event.key === '-')) {
      event.preventDefault()
      const span = { start: starts[0] ?? 0, end: (starts[last] ?? 0) + plot.stepMs }
      const next = zoomed(span, starts[now] ?? span.end, event.key === '-' ? 2 : 0.5, Date.now())
      onZoom(next.start, next.end)
    } else if (event.key === 'Escape' && at !== null) {
      event.stopPropagation()
      chart?.setCursor({ left: -10, top: -10 })
    }
  }

  const spoken = lines.slice(0, 6).map(line => `${line.name} ${text(line.values[at ?? starts.length - 1], line)}`)
  return (
    <figure className={styles.chart}>
      <div
        role="slider"
        tabIndex={0}
        aria-label={t('statistics.chart.label', { what: label })}
        aria-valuemin={0}
        aria-valuemax={Math.max(starts.length - 1, 0)}
        aria-valuenow={at ?? Math.max(starts.length - 1, 0)}
        aria-valuetext={`${clock.format(when ?? starts.at(-1) ?? 0)}: ${spoken.join(', ')}`}
        onKeyDown={move}
        className={styles.stage}
      >
        <div ref={box} style={{ height }} aria-hidden="true" />
      </div>
      <Legend
        label={label}
        lines={lines}
        hidden={hidden}
        onHidden={setHidden}
        at={at}
        when={when === undefined ? undefined : clock.format(when)}
        text={text}
        scheme={scheme}
        detailed={detailed}
      />
    </figure>
  )
}

const none: readonly Mark[] = []

const keyMoves: Readonly<Record<string, (now: number, by: number, last: number) => number>> = {
  ArrowLeft: (now, by) => now - by,
  ArrowRight: (now, by) => now + by,
  ArrowDown: (now, by) => now - by,
  ArrowUp: (now, by) => now + by,
  PageDown: (now, _, last) => now - Math.ceil(last / 10),
  PageUp: (now, _, last) => now + Math.ceil(last / 10),
  Home: () => 0,
  End: (_, __, last) => last,
}

interface Latest {
  unit: string
  language: string
  marks: readonly Mark[]
}

/** Axes and scales; what changes without a chart being made anew is asked for when it is drawn. */
function frameOf(scheme: 'light' | 'dark', language: string, latest: () => Latest) {
  const axis = {
    stroke: scheme === 'light' ? '#5d646e' : '#8d949e',
    font: "11px 'Pretendard Variable', sans-serif",
    grid: { stroke: scheme === 'light' ? '#eceef1' : '#22262b', width: 1 },
    ticks: { show: false },
  }
  return {
    padding: [10, 10, 0, 0] as uPlot.Padding,
    legend: { show: false },
    scales: {
      y: {
        range: (_: uPlot, least: number | null, most: number | null): uPlot.Range.MinMax => {
          const { unit, marks } = latest()
          const top = Math.max(most ?? 0, ...marks.map(({ value }) => value))
          const bottom = Math.min(least ?? 0, 0, ...marks.map(({ value }) => value))
          return [bottom * 1.1, Math.max(top * 1.12, bottom < 0 ? 0 : leastOf(unit))]
        },
      },
    },
    axes: [
      {
        ...axis,
        size: 26,
        space: 86,
        values: (_: uPlot, ticks: number[]) => tickTexts(ticks, language),
      },
      {
        ...axis,
        size: (_: uPlot, texts: string[] | null) =>
          18 + 6.4 * Math.max(4, ...(texts ?? []).map(({ length }) => length)),
        space: 36,
        values: (_: uPlot, ticks: number[]) => ticks.map(tick => valueText(tick, latest().unit, language)),
      },
    ],
  } satisfies Partial<uPlot.Options>
}

/** Time of day within a day, dates beyond. */
function tickTexts(ticks: readonly number[], language: string): string[] {
  const apart = (ticks[1] ?? 0) - (ticks[0] ?? 0) || 60
  const long = (ticks.at(-1) ?? 0) - (ticks[0] ?? 0) > 86_400
  const options: Intl.DateTimeFormatOptions =
    apart >= 86_400
      ? { month: 'short', day: 'numeric' }
      : long
        ? { month: 'numeric', day: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }
        : { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', ...(apart < 60 && { second: '2-digit' }) }
  const format = new Intl.DateTimeFormat(language, options)
  return ticks.map(tick => format.format(tick * 1000))
}

function seriesOf(
  { name, color, earlier }: Line,
  scheme: 'light' | 'dark',
  bars: boolean,
  stacked: boolean,
): uPlot.Series {
  const stroke = colorOf(color, scheme)
  const dash = dashOf(color, earlier)
  const filled = (bars || stacked) && !earlier
  return {
    label: name,
    stroke: earlier ? `${stroke}99` : stroke,
    width: filled && bars ? 0 : 1.5,
    // A value between two gaps makes no line: it is a point.
    points: { show: !filled, size: 4, width: 0, fill: stroke, filter: alone },
    ...(dash && { dash }),
    ...(filled && { fill: bars ? stroke : `${stroke}30` }),
    ...(filled && bars && uPlot.paths.bars && { paths: uPlot.paths.bars({ size: [0.7, 40], align: 1 }) }),
  }
}

function alone(chart: uPlot, place: number): number[] {
  const values = chart.data[place] ?? []
  const isNone = (at: number) => values[at] === null || values[at] === undefined
  return Array.from(values.keys()).filter(at => !isNone(at) && isNone(at - 1) && isNone(at + 1))
}

function drawMarks(chart: uPlot, marks: readonly Mark[], scheme: 'light' | 'dark') {
  const { ctx, bbox } = chart
  ctx.save()
  ctx.lineWidth = uPlot.pxRatio
  ctx.setLineDash([6 * uPlot.pxRatio, 4 * uPlot.pxRatio])
  for (const { value, level } of marks) {
    const y = Math.round(chart.valToPos(value, 'y', true))
    ctx.strokeStyle = levels[scheme][level as 1 | 2 | 3] ?? levels[scheme][2]
    ctx.beginPath()
    ctx.moveTo(bbox.left, y)
    ctx.lineTo(bbox.left + bbox.width, y)
    ctx.stroke()
  }
  ctx.restore()
}
