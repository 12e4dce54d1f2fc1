/** Requests, errors and durations of a service over time: three charts with one cursor. */
import { useComputedColorScheme } from '@mantine/core'
import { Dimension } from '@site11/proto/es/site11/statistics/v1/statistics_service_pb.ts'
import { useEffect, useMemo, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { Empty } from '../ui/empty.tsx'
import { msText, rateText, shareText } from './format.ts'
import styles from './golden-signals.module.css'
import { busiest, everyStep, measured, type Signals } from './signals.ts'
import { type Range, ranges, usePartSignals, useSignals } from './use-signals.ts'

const byVersion = [Dimension.VERSION]

interface Line {
  name: string
  values: (number | null)[]
  /** Of the palette below. */
  color: number
  dash?: number[]
}

export function GoldenSignals({ service, range }: { service: string; range: Range }) {
  const { t } = useTranslation()
  const whole = useSignals({ service, range })
  const versions = usePartSignals({ by: byVersion, service, range })
  const { value: signals, error } = whole
  if (!signals) {
    return error ? (
      <div className={styles.none}>
        <Empty title={t('signals.none')} hint={t('signals.noneHint')} />
      </div>
    ) : (
      <div className={styles.none} role="status" aria-busy="true" aria-label={t('common.loading')} />
    )
  }
  return <Charts signals={signals} versions={versions} service={service} range={range} live={whole.live} />
}

interface ChartsProps {
  signals: Signals
  versions: Signals | undefined
  service: string
  range: Range
  live: boolean
}

function Charts({ signals, versions, service, range, live }: ChartsProps) {
  const { t, i18n } = useTranslation()
  const { rangeMs } = ranges[range]
  const language = i18n.language
  const cursor = useMemo(() => uPlot.sync(`signals ${service}`), [service])
  const [at, setAt] = useState<number | null>(null)
  const points = signals.series.get(service) ?? []
  const perSecond = signals.stepMs / 1000
  const { starts, values: rate } = everyStep(points, signals, rangeMs, ({ requests }) => requests / perSecond)
  const series = (value: (point: (typeof points)[number]) => number | null) =>
    everyStep(points, signals, rangeMs, value).values
  // A step without a request is a rate of nothing, and no duration at all.
  const asZero = (values: (number | null)[]) => values.map(value => value ?? 0)
  const parts = versions && versions.series.size > 1 ? busiest(versions.series) : []
  const rates: Line[] =
    parts.length > 0
      ? parts.map(({ key, points }, index) => ({
          // What a proxy answers by itself has no version.
          name: key === '' ? t('signals.unreached') : (key ?? t('signals.others')),
          color: index,
          values: asZero(everyStep(points, signals, rangeMs, ({ requests }) => requests / perSecond).values),
        }))
      : [{ name: t('signals.requests'), color: 0, values: asZero(rate) }]
  const charts: { key: string; title: string; lines: Line[]; text: (value: number) => string; least: number }[] = [
    { key: 'rate', title: t('signals.rateTitle'), lines: rates, text: value => rateText(value, language), least: 1 },
    {
      key: 'errors',
      title: t('signals.errorsTitle'),
      lines: [
        {
          name: t('signals.serverErrors'),
          color: -1,
          values: series(p => (p.requests > 0 ? p.serverErrors / p.requests : 0)),
        },
        {
          name: t('signals.clientErrors'),
          color: 6,
          dash: [3, 3],
          values: series(p => (p.requests > 0 ? p.clientErrors / p.requests : 0)),
        },
      ],
      text: value => shareText(value, language),
      least: 0.01,
    },
    {
      key: 'durations',
      title: t('signals.durationsTitle'),
      lines: [
        { name: 'p50', color: 6, values: series(({ p50 }) => measured(p50)) },
        { name: 'p95', color: 0, values: series(({ p95 }) => measured(p95)) },
        { name: 'p99', color: 1, dash: [4, 3], values: series(({ p99 }) => measured(p99)) },
      ],
      text: value => msText(value, language),
      least: 10,
    },
  ]
  return (
    <>
      <div className={styles.charts} data-live={live}>
        {charts.map(({ key, title, lines, text, least }) => (
          <Chart
            key={key}
            title={title}
            starts={starts}
            lines={lines}
            text={text}
            least={least}
            cursor={cursor}
            at={at}
            onAt={setAt}
          />
        ))}
      </div>
      {signals.dropped > 0 && (
        <p className={styles.note}>
          {t('signals.dropped', {
            count: signals.dropped,
            requests: new Intl.NumberFormat(language).format(signals.dropped),
          })}
        </p>
      )}
    </>
  )
}

interface ChartProps {
  title: string
  starts: readonly number[]
  lines: Line[]
  text: (value: number) => string
  /** The axis reaches at least so far. */
  least: number
  cursor: uPlot.SyncPubSub
  /** The step under the cursor of any of the charts. */
  at: number | null
  onAt: (index: number | null) => void
}

/** Green, amber and red belong to state; errors are one. */
const palette = {
  light: ['#3f67e6', '#213c8f', '#7797fa', '#6b727c', '#95b1fd', '#1b1e22', '#8d949e'],
  dark: ['#7797fa', '#dce6ff', '#3f67e6', '#a5abb4', '#b9ccfe', '#e6e8eb', '#8d949e'],
}
const failing = { light: '#c62a2f', dark: '#ff9592' }
const height = 150

function Chart({ title, starts, lines, text, least, cursor, at, onAt }: ChartProps) {
  const { i18n } = useTranslation()
  const scheme = useComputedColorScheme('light')
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot>(undefined)
  const latest = useRef({ text, onAt })
  latest.current = { text, onAt }
  const data: uPlot.AlignedData = [starts.map(start => start / 1000), ...lines.map(({ values }) => values)]
  const shape = lines.map(({ name, color, dash }) => `${name} ${color} ${dash}`).join('|')
  const colorOf = (color: number) =>
    color < 0 ? failing[scheme] : (palette[scheme][color] ?? palette[scheme][0] ?? '')

  // biome-ignore lint/correctness/useExhaustiveDependencies: made anew when its lines or its colours are others; data comes by setData
  useEffect(() => {
    const element = box.current
    if (!element) return
    const faint = scheme === 'light' ? '#eceef1' : '#22262b'
    const words = scheme === 'light' ? '#5d646e' : '#8d949e'
    const clock = new Intl.DateTimeFormat(i18n.language, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
    const axis = {
      stroke: words,
      font: "11px 'Pretendard Variable', sans-serif",
      grid: { stroke: faint, width: 1 },
      ticks: { show: false },
    }
    const made = new uPlot(
      {
        width: element.clientWidth,
        height,
        padding: [8, 8, 0, 0],
        legend: { show: false },
        cursor: { sync: { key: cursor.key }, points: { size: 6 }, drag: { x: false, y: false }, y: false },
        scales: { y: { range: (_, __, max) => [0, Math.max(max * 1.15, least)] } },
        axes: [
          { ...axis, size: 24, space: 80, values: (_, ticks) => ticks.map(tick => clock.format(tick * 1000)) },
          { ...axis, size: 52, space: 34, values: (_, ticks) => ticks.map(tick => latest.current.text(tick)) },
        ],
        series: [
          {},
          ...lines.map(({ name, color, dash }) => ({
            label: name,
            stroke: colorOf(color),
            width: 1.5,
            spanGaps: false,
            points: { show: false },
            ...(dash && { dash }),
          })),
        ],
        hooks: { setCursor: [({ cursor: { idx } }) => latest.current.onAt(idx ?? null)] },
      },
      data,
      element,
    )
    plot.current = made
    cursor.sub(made)
    const watch = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }))
    watch.observe(element)
    return () => {
      watch.disconnect()
      cursor.unsub(made)
      made.destroy()
    }
  }, [shape, scheme, cursor, i18n.language])

  useEffect(() => plot.current?.setData(data))

  const index = at ?? starts.length - 1
  const when = starts[index]
  const shown = lines.map(line => ({ ...line, value: at === null ? lastOf(line.values) : line.values[index] }))
  return (
    <figure className={styles.chart}>
      <figcaption>
        <b>{title}</b>
        <span className={styles.when}>
          {at !== null &&
            when !== undefined &&
            new Intl.DateTimeFormat(i18n.language, { timeStyle: 'medium' }).format(when)}
        </span>
      </figcaption>
      <ul className={styles.legend}>
        {shown.map(({ name, color, value }) => (
          <li key={name}>
            <svg viewBox="0 0 12 4" aria-hidden="true">
              <path d="M0 2h12" stroke={colorOf(color)} strokeWidth="3" />
            </svg>
            {name} <b>{value === null || value === undefined ? '–' : text(value)}</b>
          </li>
        ))}
      </ul>
      <div ref={box} className={styles.plot} aria-hidden="true" />
    </figure>
  )
}

const lastOf = (values: readonly (number | null)[]) => values.findLast(value => value !== null)
