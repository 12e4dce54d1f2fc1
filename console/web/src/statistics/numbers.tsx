/** Values over the whole span: large, or in rows. */
import { useTranslation } from 'react-i18next'
import { shareText } from '../signals/format.ts'
import { StateMark } from '../ui/state.tsx'
import type { Mark } from './chart.tsx'
import { changeOf, type Line, type Plot } from './plot.ts'
import styles from './statistics.module.css'
import { valueText } from './units.ts'

interface ValuesProps {
  label: string
  plot: Plot
  unit?: string | undefined
}

/** @returns each line with that of the earlier span, if one was asked for. */
function pairs({ lines }: Plot): { line: Line; before: Line | undefined }[] {
  return lines
    .filter(({ earlier }) => !earlier)
    .map(line => ({ line, before: lines.find(({ key }) => key === `${line.key} earlier`) }))
}

/** The state that a value is in, by the last threshold that it has reached. */
const levelOf = (value: number, marks: readonly Mark[]) =>
  [...marks].sort((a, b) => a.value - b.value).findLast(mark => value >= mark.value)?.level

const states = { 1: ['healthy', 'good'], 2: ['degraded', 'warning'], 3: ['failing', 'critical'] } as const

export function Numbers({ plot, unit, marks = [] }: ValuesProps & { marks?: readonly Mark[] | undefined }) {
  const { t, i18n } = useTranslation()
  const shown = pairs(plot)
  return (
    <dl className={styles.numbers}>
      {shown.map(({ line, before }) => {
        const state = states[levelOf(line.total, marks) as 1 | 2 | 3]
        return (
          <div key={line.key}>
            <dt className={shown.length === 1 && line.labels.length === 0 ? styles.unseen : undefined}>{line.name}</dt>
            <dd>
              <b>{valueText(line.total, unit || line.unit, i18n.language)}</b>
              <Change now={line.total} before={before?.total} />
              {state && (
                <span className={styles.level}>
                  <StateMark name={state[0]} label={t(`statistics.level.${state[1]}`)} />
                </span>
              )}
            </dd>
          </div>
        )
      })}
    </dl>
  )
}

/** By how much it is other than before: said, and not judged. */
function Change({ now, before }: { now: number; before: number | undefined }) {
  const { t, i18n } = useTranslation()
  const change = changeOf(now, before)
  if (change === undefined) return null
  const sign = change > 0 ? '+' : change < 0 ? '−' : '±'
  const text = `${sign}${shareText(Math.abs(change), i18n.language)}`
  return <span className={styles.change}>{t('statistics.change', { change: text })}</span>
}

export function Rows({ label, plot, unit, labels }: ValuesProps & { labels: readonly string[] | undefined }) {
  const { t, i18n } = useTranslation()
  const shown = pairs(plot)
  const compared = shown.some(({ before }) => before)
  const columns = labels && labels.length > 0 ? labels : undefined
  const most = Math.max(...shown.map(({ line }) => Math.abs(line.total)), Number.MIN_VALUE)
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
    <section className={styles.rows} tabIndex={0} aria-label={label}>
      <table aria-label={label}>
        <thead>
          <tr>
            {(columns ?? [t('statistics.chart.series')]).map(name => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
            <th scope="col" className={styles.value}>
              {t('statistics.chart.total')}
            </th>
            {compared && (
              <th scope="col" className={styles.value}>
                {t('statistics.chart.before')}
              </th>
            )}
            <th scope="col" className={styles.share}>
              <span className={styles.unseen}>{t('statistics.chart.share')}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.map(({ line, before }) => (
            <tr key={line.key}>
              {columns && line.labels.length === columns.length ? (
                columns.map((name, place) => <td key={name}>{line.labels[place] || '–'}</td>)
              ) : (
                <td colSpan={columns?.length ?? 1}>{line.name}</td>
              )}
              <td className={styles.value}>{valueText(line.total, unit || line.unit, i18n.language)}</td>
              {compared && (
                <td className={styles.value}>
                  {before ? valueText(before.total, unit || line.unit, i18n.language) : '–'}{' '}
                  <Change now={line.total} before={before?.total} />
                </td>
              )}
              <td className={styles.share}>
                <meter min={0} max={most} value={Math.abs(line.total)} aria-label={line.name} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
