// biome-ignore-all lint/a11y/useSemanticElements: rows that are drawn only in sight stand by themselves, which those of a table cannot
// biome-ignore-all lint/a11y/useFocusableInteractive: the rows have the focus, not their cells
/** One row of the tree of services and their instances. */
import { IconChevronRight } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { memo } from 'react'
import { useTranslation } from 'react-i18next'
import { Dots } from '../mesh/dots.tsx'
import type { InstanceView, ServiceView } from '../mesh/services.ts'
import { Errors, P95, Rate, Sparkline } from '../signals/figures.tsx'
import type { Figures, Signals } from '../signals/signals.ts'
import { StateMark } from '../ui/state.tsx'
import { Since } from '../ui/time.tsx'
import { useWhy } from '../ui/use-why.ts'
import { whyText } from '../ui/why.ts'
import { foreseen, useProgress } from './actions.ts'
import { instanceLink } from './instance-link.ts'
import styles from './mesh-table.module.css'
import type { Row } from './rows.ts'

interface MeshRowProps {
  row: Row
  index: number
  /** Where it stands, in px. */
  top: number
  /** Whether Tab leads to it. */
  active: boolean
  measure: (element: Element | null) => void
  signals: Signals | undefined
  onFocus: (key: string) => void
  onOpen: (row: Row) => void
  onToggle: (service: string, open: boolean) => void
}

/** Drawn anew only when something of it has changed: not while one scrolls. */
export const MeshRow = memo(function MeshRow(props: MeshRowProps) {
  const { row, index, top, active, measure, signals, onFocus, onOpen, onToggle } = props
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: keys are heard by the tree
    <div
      ref={measure}
      data-index={index}
      data-key={row.key}
      role="row"
      aria-rowindex={index + 2}
      aria-level={row.kind === 'service' ? 1 : 2}
      {...(row.kind === 'service' && { 'aria-expanded': row.opened })}
      tabIndex={active ? 0 : -1}
      onFocus={() => onFocus(row.key)}
      onClick={event => {
        if (!(event.target as HTMLElement).closest('a, button') && !getSelection()?.toString()) onOpen(row)
      }}
      className={`${styles.row} ${styles[row.kind]}`}
      style={{ transform: `translateY(${top}px)` }}
    >
      {row.kind === 'service' ? (
        <ServiceCells
          service={row.service}
          figures={row.figures}
          opened={row.opened}
          signals={signals}
          onToggle={onToggle}
        />
      ) : (
        <InstanceCells view={row.instance} figures={row.figures} />
      )}
    </div>
  )
})

interface ServiceCellsProps {
  service: ServiceView
  figures: Figures | undefined
  opened: boolean
  signals: Signals | undefined
  onToggle: (service: string, open: boolean) => void
}

function ServiceCells({ service, figures, opened, signals, onToggle }: ServiceCellsProps) {
  const { t } = useTranslation()
  const { name, state, instances, versions } = service
  const points = signals?.series.get(name)
  return (
    <>
      <div role="rowheader" className={styles.name}>
        <button
          type="button"
          tabIndex={-1}
          className={styles.toggle}
          aria-label={t(opened ? 'services.close' : 'services.open', { name })}
          onClick={() => onToggle(name, !opened)}
        >
          <IconChevronRight size={14} className={opened ? styles.opened : undefined} />
        </button>
        <Link to="/services/$service" params={{ service: name }} tabIndex={-1} className={styles.link}>
          {name}
        </Link>
        <Dots instances={instances} />
      </div>
      <State state={state} />
      <div role="gridcell" className={`${styles.version} mono`}>
        {versions.join(', ')}
      </div>
      <FigureCells figures={figures}>
        {signals && points && <Sparkline points={points} signals={signals} />}
      </FigureCells>
    </>
  )
}

const InstanceCells = memo(function InstanceCells({
  view,
  figures,
}: {
  view: InstanceView
  figures: Figures | undefined
}) {
  const { t } = useTranslation()
  const { name, instance, agreed } = view
  const { state } = foreseen(view, useProgress(`instances/${name}`))
  return (
    <>
      <div role="rowheader" className={styles.name}>
        <Link {...instanceLink(instance.service, name)} tabIndex={-1} className={styles.link}>
          {name}
        </Link>
        <span className={`${styles.address} mono`}>{instance.address}</span>
      </div>
      <State state={state} note={agreed ? undefined : t('services.disagree')} />
      <div role="gridcell" className={`${styles.version} mono`}>
        {instance.version}
      </div>
      <FigureCells figures={figures} />
    </>
  )
})

function State({ state: { name, since, why }, note }: { state: ServiceView['state']; note?: string | undefined }) {
  return (
    <div role="gridcell" className={styles.state}>
      <StateMark name={name} />
      <span className={styles.facts}>
        {since && <Since date={since} />}
        {note && <b> {note}</b>}
        {why && <Reason why={why} />}
      </span>
    </div>
  )
}

/** Whoever did it is asked for by name only where somebody did it: rows are many, and most are well. */
function Reason({ why }: { why: NonNullable<ServiceView['state']['why']> }) {
  const { t } = useTranslation()
  if ('key' in why && why.values?.name?.startsWith('users/')) return <DoneBy why={why} />
  const text = whyText(why, t)
  return <span title={text}> {text}</span>
}

function DoneBy({ why }: { why: ServiceView['state']['why'] }) {
  const text = useWhy(why)
  return <span title={text}> {text}</span>
}

function FigureCells({ figures, children }: { figures: Figures | undefined; children?: React.ReactNode }) {
  const { t } = useTranslation()
  return (
    <>
      <div role="gridcell" className={styles.rate} data-label={t('services.column.rate')}>
        <Rate figures={figures} />
      </div>
      <div role="gridcell" className={styles.errors} data-label={t('services.column.errors')}>
        <Errors figures={figures} />
      </div>
      <div role="gridcell" className={styles.p95} data-label={t('services.column.p95')}>
        <span className={styles.spark}>{children}</span>
        <P95 figures={figures} />
      </div>
    </>
  )
}
