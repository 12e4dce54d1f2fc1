// biome-ignore-all lint/a11y/useSemanticElements: rows that are drawn only in sight stand by themselves, which those of a table cannot
// biome-ignore-all lint/a11y/useFocusableInteractive: the rows have the focus, not their cells
/** Services and their instances as a tree of rows, of which only those in sight are drawn; on a narrow screen rows are cards. */
import { Skeleton } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { useWindowVirtualizer } from '@tanstack/react-virtual'
import { type KeyboardEvent, useCallback, useLayoutEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Signals } from '../signals/signals.ts'
import { instanceLink } from './instance-link.ts'
import { MeshRow } from './mesh-row.tsx'
import styles from './mesh-table.module.css'
import type { Row } from './rows.ts'
import type { Order } from './search.ts'

interface MeshTableProps {
  label: string
  rows: readonly Row[]
  signals: Signals | undefined
  /** The instance that is open over the list: when it closes, its row has the focus. */
  opened: string | undefined
  order: Order
  desc: boolean
  onOrder: (order: Order, desc: boolean) => void
  onToggle: (service: string, open: boolean) => void
}

const columns = ['name', 'state', 'version', 'rate', 'errors', 'p95'] as const
const orderOf: Partial<Record<(typeof columns)[number], Order>> = {
  name: 'name',
  state: 'state',
  rate: 'rate',
  errors: 'errors',
  p95: 'p95',
}

export function MeshTable({ label, rows, signals, opened, order, desc, onOrder, onToggle }: MeshTableProps) {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const body = useRef<HTMLDivElement>(null)
  const [margin, setMargin] = useState(0)
  const [active, setActive] = useState<string>()
  useLayoutEffect(() => setMargin((body.current?.getBoundingClientRect().top ?? 0) + window.scrollY), [])
  const virtualizer = useWindowVirtualizer({
    count: rows.length,
    estimateSize: index => (rows[index]?.kind === 'service' ? 48 : 40),
    getItemKey: index => rows[index]?.key ?? index,
    overscan: 8,
    scrollMargin: margin,
    // Below the bar and the head of the table.
    scrollPaddingStart: 96,
    scrollPaddingEnd: 24,
  })
  const place = Math.max(
    0,
    rows.findIndex(({ key }) => key === active),
  )

  /** The row that is to have the focus as soon as it is drawn. */
  const wanted = useRef<string>(undefined)
  function focusWanted() {
    if (wanted.current === undefined) return
    const element = body.current?.querySelector<HTMLElement>(`[data-key="${CSS.escape(wanted.current)}"]`)
    // What has gone from the list must not take the focus when it comes back.
    if (element || !rows.some(({ key }) => key === wanted.current)) wanted.current = undefined
    element?.focus({ preventScroll: true })
  }
  // Each time rows are drawn: after a scroll, or when the list has changed meanwhile.
  useLayoutEffect(focusWanted)

  function goTo(index: number) {
    const row = rows[Math.min(Math.max(index, 0), rows.length - 1)]
    if (!row) return
    setActive(row.key)
    wanted.current = row.key
    virtualizer.scrollToIndex(rows.indexOf(row))
    // At once where it is drawn already: keys may come faster than frames.
    focusWanted()
  }

  const before = useRef(opened)
  useLayoutEffect(() => {
    const closed = opened === undefined ? before.current : undefined
    before.current = opened
    if (closed === undefined) return
    const row = rows.findIndex(each => each.kind === 'instance' && each.instance.name === closed)
    goTo(row === -1 ? place : row)
  })

  function open(row: Row) {
    if (row.kind === 'instance') void navigate(instanceLink(row.instance.instance.service, row.instance.name))
    else void navigate({ to: '/services/$service', params: { service: row.service.name } })
  }

  function press(event: KeyboardEvent) {
    const row = rows[place]
    if (!row || event.nativeEvent.isComposing || event.metaKey || event.ctrlKey || event.altKey) return
    // Within a row, keys belong to what has the focus there.
    if ((event.target as HTMLElement).getAttribute('role') !== 'row') return
    const service = row.kind === 'service' ? row.service.name : row.instance.instance.service
    const acts: Record<string, () => void> = {
      j: () => goTo(place + 1),
      ArrowDown: () => goTo(place + 1),
      k: () => goTo(place - 1),
      ArrowUp: () => goTo(place - 1),
      Home: () => goTo(0),
      End: () => goTo(rows.length - 1),
      PageDown: () => goTo(place + 10),
      PageUp: () => goTo(place - 10),
      Enter: () => open(row),
      ArrowRight: () => (row.kind === 'service' && !row.opened ? onToggle(service, true) : goTo(place + 1)),
      ArrowLeft: () => {
        if (row.kind === 'service') onToggle(service, false)
        else goTo(rows.findIndex(each => each.kind === 'service' && each.service.name === service))
      },
    }
    const act = acts[event.key]
    if (!act) return
    event.preventDefault()
    act()
  }

  // The same functions for as long as the table is there, so that rows are not drawn anew for them.
  const latest = useRef({ open, onToggle })
  latest.current = { open, onToggle }
  const onOpen = useCallback((row: Row) => latest.current.open(row), [])
  const toggle = useCallback((service: string, wanted: boolean) => latest.current.onToggle(service, wanted), [])

  const items = virtualizer.getVirtualItems()
  const activeKey = rows[place]?.key
  return (
    <div className={styles.table} role="treegrid" aria-label={label} aria-rowcount={rows.length + 1} onKeyDown={press}>
      <div role="row" aria-rowindex={1} className={styles.head}>
        {columns.map(column => {
          const by = orderOf[column]
          const sorted = by === order
          // The name goes up at first, all else begins with the most.
          const up = (by === 'name') !== desc
          return (
            <div
              key={column}
              role="columnheader"
              className={styles[column]}
              {...(by && { 'aria-sort': sorted ? (up ? 'ascending' : 'descending') : 'none' })}
            >
              {by ? (
                <button
                  type="button"
                  className={styles.sort}
                  title={column === 'p95' ? t('signals.p95Hint') : undefined}
                  onClick={() => onOrder(by, sorted ? !desc : false)}
                >
                  {t(`services.column.${column}`)}
                  <span aria-hidden="true">{sorted ? (up ? ' ↑' : ' ↓') : ''}</span>
                </button>
              ) : (
                t(`services.column.${column}`)
              )}
            </div>
          )
        })}
      </div>
      <div ref={body} role="rowgroup" className={styles.body} style={{ height: virtualizer.getTotalSize() }}>
        {items.map(({ index, key, start }) => {
          const row = rows[index]
          return (
            row && (
              <MeshRow
                key={key}
                row={row}
                index={index}
                top={start - virtualizer.options.scrollMargin}
                active={row.key === activeKey}
                measure={virtualizer.measureElement}
                signals={row.kind === 'service' ? signals : undefined}
                onFocus={setActive}
                onOpen={onOpen}
                onToggle={toggle}
              />
            )
          )
        })}
      </div>
    </div>
  )
}

/** Rows in the shape of rows. */
export function TableSkeleton() {
  const { t } = useTranslation()
  return (
    <div className={styles.table} role="status" aria-busy="true" aria-label={t('common.loading')}>
      {[180, 140, 140, 160, 140].map((width, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: they are all alike
        <div key={index} className={styles.bone}>
          <Skeleton height={14} width={width} />
          <Skeleton height={14} width={120} />
          <Skeleton height={14} width={60} />
        </div>
      ))}
    </div>
  )
}
