/** Golden signals where there is room for a number or a line only. */
import { useTranslation } from 'react-i18next'
import { useMesh } from '../mesh/use-mesh.ts'
import styles from './figures.module.css'
import { msText, rateText, shareText } from './format.ts'
import { everyStep, type Figures, linePath, measured, type Point, type Signals } from './signals.ts'
import { ranges } from './use-signals.ts'

/** Nothing is known, which is not nothing. */
const Unknown = () => <span className={styles.none}>–</span>

export function Rate({ figures }: { figures: Figures | undefined }) {
  const { t, i18n } = useTranslation()
  if (!figures) return <Unknown />
  return (
    <span className={figures.rate === 0 ? styles.none : undefined}>
      {rateText(figures.rate, i18n.language)}
      <span className={styles.unit}>{t('signals.perSecond')}</span>
    </span>
  )
}

/** What fails is a state, so it has its colour, and a sign for those who do not see it. */
export function Errors({ figures }: { figures: Figures | undefined }) {
  const { i18n } = useTranslation()
  if (figures?.errors === undefined) return <Unknown />
  const grave = figures.errors >= 0.05 ? styles.failing : figures.errors >= 0.005 ? styles.degraded : undefined
  return (
    <span className={grave}>
      {grave && '▲ '}
      {shareText(figures.errors, i18n.language)}
    </span>
  )
}

export function P95({ figures }: { figures: Figures | undefined }) {
  const { i18n } = useTranslation()
  return figures?.p95 === undefined ? <Unknown /> : msText(figures.p95, i18n.language)
}

const width = 96
const height = 22

/** The p95 of the last quarter of an hour. It says nothing that does not stand beside it in numbers. */
export function Sparkline({ points, signals }: { points: readonly Point[]; signals: Signals }) {
  // Three steps make one: as fine as so small a line can show.
  const { values } = everyStep(points, signals, ranges['15m'].rangeMs, ({ p95 }) => measured(p95))
  const coarse = Array.from({ length: Math.ceil(values.length / 3) }, (_, index) => {
    const some = values.slice(index * 3, index * 3 + 3).filter(value => value !== null)
    return some.length > 0 ? Math.max(...some) : null
  })
  return (
    <svg viewBox={`-1 -2 ${width + 2} ${height + 4}`} width={width} height={height} aria-hidden="true">
      <path d={`M0 ${height}H${width}`} className={styles.base} />
      <path d={linePath(coarse, width, height)} className={styles.line} />
    </svg>
  )
}

/** Why there are no figures, once for all places that lack them. */
/** Nothing while the Console is away: then nobody knows whether there are any. */
export function NoFigures() {
  const { t } = useTranslation()
  const { live } = useMesh()
  return live && <span className={styles.unit}>{t('signals.none')}</span>
}
