/** What the lines of a chart are, with their values at the cursor; each can be taken away. Also the chart for those who hear it. */
import { useTranslation } from 'react-i18next'
import styles from './chart.module.css'
import { colorOf, dashOf, type Scheme } from './colors.ts'
import { figuresOf, type Line } from './plot.ts'

interface LegendProps {
  label: string
  lines: readonly Line[]
  hidden: ReadonlySet<string>
  onHidden: (hidden: ReadonlySet<string>) => void
  at: number | null
  /** What the cursor stands at. */
  when: string | undefined
  text: (value: number | null | undefined, line: Line) => string
  scheme: Scheme
  detailed: boolean
}

export function Legend({ label, lines, hidden, onHidden, at, when, text, scheme, detailed }: LegendProps) {
  const { t } = useTranslation()
  function toggle(line: Line, alone: boolean) {
    const others = lines.filter(({ key }) => key !== line.key).map(({ key }) => key)
    const isAlone = !hidden.has(line.key) && others.every(key => hidden.has(key))
    if (alone) return onHidden(new Set(isAlone ? [] : others))
    const next = new Set(hidden)
    if (!next.delete(line.key)) next.add(line.key)
    onHidden(next)
  }
  const button = (line: Line) => (
    <button
      type="button"
      aria-pressed={!hidden.has(line.key)}
      title={t('statistics.chart.toggle')}
      onClick={event => toggle(line, event.altKey || event.ctrlKey || event.metaKey)}
    >
      <svg viewBox="0 0 14 4" aria-hidden="true">
        <path
          d="M0 2h14"
          stroke={colorOf(line.color, scheme)}
          strokeWidth="3"
          strokeDasharray={dashOf(line.color, line.earlier)?.join(' ')}
        />
      </svg>
      <span>{line.name}</span>
    </button>
  )
  const valueAt = (line: Line, figures = figuresOf(line.values)) =>
    text(at === null ? figures.last : line.values[at], line)
  if (!detailed) {
    return (
      <ul className={styles.keys} aria-label={t('statistics.chart.table', { what: label })}>
        {lines.map(line => (
          <li key={line.key} data-hidden={hidden.has(line.key)}>
            {button(line)} <b>{valueAt(line)}</b>
          </li>
        ))}
      </ul>
    )
  }
  const columns = ['least', 'most', 'total'] as const
  return (
    <div className={styles.legend}>
      <table aria-label={t('statistics.chart.table', { what: label })}>
        <thead>
          <tr>
            <th scope="col">{when ?? t('statistics.chart.series')}</th>
            <th scope="col">{t(at === null ? 'statistics.chart.last' : 'statistics.chart.value')}</th>
            {columns.map(name => (
              <th key={name} scope="col">
                {t(`statistics.chart.${name}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {lines.map(line => {
            const figures = figuresOf(line.values)
            const shown = { least: figures.least, most: figures.most, total: line.total }
            return (
              <tr key={line.key} data-hidden={hidden.has(line.key)}>
                <th scope="row">{button(line)}</th>
                <td>{valueAt(line, figures)}</td>
                {columns.map(name => (
                  <td key={name}>{text(shown[name], line)}</td>
                ))}
              </tr>
            )
          })}
        </tbody>
      </table>
    </div>
  )
}
