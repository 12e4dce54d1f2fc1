/** The metrics of a process as text that Prometheus reads (text format 0.0.4), named as OpenTelemetry's names are there. */
import { allMetrics, boundsMs, type CounterSeries, type DurationSeries, levelsOf, type Metric } from './metrics.ts'

export const expositionType = 'text/plain; version=0.0.4; charset=utf-8'

/** How units end names in Prometheus. Braces are a remark, and no unit. */
const suffixes: Readonly<Record<string, string>> = { By: '_bytes', s: '_seconds', ms: '_seconds', '1': '_ratio' }

/** @param common what every line says, such as the instance. */
export function exposition(common: Readonly<Record<string, string>>): string {
  const lines: string[] = []
  for (const metric of allMetrics()) {
    const written = write(metric, common)
    if (written.length === 0) continue
    const name = prometheusName(metric)
    const type = metric.kind === 'counter' ? 'counter' : metric.kind === 'durations' ? 'histogram' : 'gauge'
    lines.push(`# HELP ${name} ${escapeHelp(metric.description)}.`, `# TYPE ${name} ${type}`, ...written)
  }
  return lines.length > 0 ? `${lines.join('\n')}\n` : ''
}

export function prometheusName({ name, unit, kind }: Pick<Metric, 'name' | 'unit' | 'kind'>): string {
  // A ratio is a level; a count of things has no unit.
  const suffix = unit === '1' && kind !== 'level' ? '' : (suffixes[unit] ?? '')
  const base = name.replace(/[^a-zA-Z0-9_]/g, '_') + suffix
  return kind === 'counter' ? `${base}_total` : base
}

function write(metric: Metric, common: Readonly<Record<string, string>>): string[] {
  const name = prometheusName(metric)
  const text = (values: readonly string[], more: Readonly<Record<string, string>> = {}) =>
    labelText({
      ...common,
      ...Object.fromEntries((metric.labels ?? []).map((label, at) => [label, values[at] ?? ''])),
      ...more,
    })
  switch (metric.kind) {
    case 'counter':
      return [...metric.series.values()].map(({ labels, total }: CounterSeries) => `${name}${text(labels)} ${total}`)
    case 'level':
      return levelsOf(metric).map(({ labels, level }) => `${name}${text(labels)} ${level}`)
    case 'durations':
      return [...metric.series.values()].flatMap(series => histogram(name, series, text))
  }
}

function histogram(
  name: string,
  { labels, within, count, sumMs }: DurationSeries,
  text: (values: readonly string[], more?: Record<string, string>) => string,
): string[] {
  let sofar = 0
  const buckets = boundsMs.map((bound, at) => {
    sofar += within[at] ?? 0
    return `${name}_bucket${text(labels, { le: String(bound / 1000) })} ${sofar}`
  })
  return [
    ...buckets,
    `${name}_bucket${text(labels, { le: '+Inf' })} ${count}`,
    `${name}_sum${text(labels)} ${sumMs / 1000}`,
    `${name}_count${text(labels)} ${count}`,
  ]
}

/** @returns labels as they stand behind a name, in braces. */
export function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeValue(value)}"`)
  return pairs.length > 0 ? `{${pairs.join(',')}}` : ''
}

const escapeValue = (text: string) => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
const escapeHelp = (text: string) => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
