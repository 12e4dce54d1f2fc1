/** The list itself: only the rows in sight are there, however many there are to scroll. */
import { VisuallyHidden } from '@mantine/core'
import type { User } from '@site11/proto/es/site11/users/v1/user_pb.ts'
import { IconArrowDown, IconArrowUp } from '@tabler/icons-react'
import { defaultRangeExtractor, useVirtualizer } from '@tanstack/react-virtual'
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Density } from '../ui/density.ts'
import { Empty } from '../ui/empty.tsx'
import { absolute } from '../ui/format.ts'
import { ProblemInline } from '../ui/problem.tsx'
import { type RowKey, useRowKeys } from '../ui/row-keys.ts'
import { useNow } from '../ui/time.tsx'
import { knownRows } from './places.ts'
import { useRowWords } from './row-words.ts'
import { type Order, orderOf, orderText, type UsersSearch } from './search.ts'
import type { UserColumn } from './user-columns.tsx'
import styles from './user-list.module.css'
import { listKey, memoryOf, remember, rowsToScroll, type usePlaces, useRows } from './user-pages.ts'
import { type RowActions, UserRow } from './user-row.tsx'

const heights = { comfortable: 53, dense: 35, card: 89 } as const
const headHeight = 37
/** How many rows are drawn beyond each edge. */
const overscan = 8

interface UserListProps {
  search: UsersSearch
  pages: ReturnType<typeof usePlaces>
  columns: readonly UserColumn[]
  density: Density
  narrow: boolean
  selected: ReadonlyMap<string, User>
  /** Whether another list is on its way. */
  pending: boolean
  onOrder: (order: Order) => void
  onOpen: (user: User, edit?: boolean) => void
  onMenu: RowActions['onMenu']
  onSelect: (users: User[], selected: boolean) => void
  onSelectAll: (selected: boolean) => void
  empty: { title: string; hint?: string; children?: React.ReactNode }
}

export function UserList(props: UserListProps) {
  const { search, pages, columns, density, narrow, selected, pending, onOpen, onSelect } = props
  const { t } = useTranslation()
  const key = listKey(search)
  const scroller = useRef<HTMLDivElement>(null)
  const [active, setActiveRow] = useState(0)
  /** Where the keyboard is, also between a key and the frame that shows it: keys may come faster than frames. */
  const cursor = useRef({ row: 0, going: false })
  const setActive = useCallback((row: number) => {
    cursor.current.row = row
    setActiveRow(row)
  }, [])
  const chosen = useRef<number>(undefined)
  const shape = narrow ? 'card' : density
  const count = rowsToScroll(pages.places)

  const virtualizer = useVirtualizer({
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => heights[shape],
    initialOffset: () => memoryOf(key).scrollTop,
    overscan,
    scrollPaddingEnd: headHeight,
    useFlushSync: false,
    // The row that has the focus stays, so that the focus does.
    rangeExtractor: range => {
      const rows = defaultRangeExtractor(range)
      return rows.includes(active) || active >= range.count ? rows : [...rows, active].sort((a, b) => a - b)
    },
  })
  // biome-ignore lint/correctness/useExhaustiveDependencies: all rows have another height then
  useEffect(() => virtualizer.measure(), [shape])
  const items = virtualizer.getVirtualItems()
  const { startIndex = 0, endIndex = 20 } = virtualizer.range ?? {}
  const rows = useRows(search, pages, startIndex, endIndex)
  const now = useMinute()
  const words = useRowWords()

  // One comes back to where one was. In a layout effect, as the element has no place any more after it.
  useLayoutEffect(() => {
    const element = scroller.current
    return () => remember(key, { scrollTop: element?.scrollTop ?? 0 })
  }, [key])

  const latest = useRef({ rows, onOpen, onSelect, selected })
  latest.current = { rows, onOpen, onSelect, selected }
  const { onMenu } = props
  const actions = useMemo<RowActions>(
    () => ({
      onMenu,
      onOpen(user, row) {
        setActive(row)
        latest.current.onOpen(user)
      },
      onSelect(user, row, range) {
        const { rows, onSelect, selected } = latest.current
        const from = range && chosen.current !== undefined ? chosen.current : row
        const [first, last] = from < row ? [from, row] : [row, from]
        const meant: User[] = []
        for (let each = first; each <= last; each++) {
          const found = each === row ? user : rows.rowAt(each)
          if (found) meant.push(found)
        }
        chosen.current = row
        setActive(row)
        onSelect(meant, !selected.has(user.id))
      },
    }),
    [onMenu, setActive],
  )

  const focus = useCallback(
    (row: number) => {
      setActive(row)
      cursor.current.going = true
      virtualizer.scrollToIndex(row)
      // Drawn with the next frame when it was out of sight.
      requestAnimationFrame(() => {
        cursor.current.going = false
        scroller.current?.querySelector<HTMLElement>(`[data-row="${row}"]`)?.focus({ preventScroll: true })
      })
    },
    [virtualizer, setActive],
  )

  useRowKeys((rowKey, event) => {
    const last = knownRows(pages.places) - 1
    const inside = cursor.current.going || (scroller.current?.contains(document.activeElement) ?? false)
    const at = cursor.current.row
    const steps: Partial<Record<RowKey, number>> = {
      next: inside ? Math.min(at + 1, last) : at,
      previous: Math.max(at - 1, 0),
      first: 0,
      last,
    }
    const step = steps[rowKey]
    if (step !== undefined) {
      if (event.key.length > 1 && !inside) return false
      if (last >= 0) focus(step)
      return last >= 0
    }
    if (rowKey === 'clear') {
      if (selected.size === 0) return false
      props.onSelectAll(false)
      return true
    }
    const user = inside ? rows.rowAt(at) : undefined
    if (!user) return false
    if (rowKey === 'select') actions.onSelect(user, at, event.shiftKey)
    else onOpen(user, rowKey === 'edit')
    return true
  })

  const template = narrow ? undefined : `40px minmax(180px, 2fr) ${columns.map(({ width }) => width).join(' ')} 48px`
  const order = orderOf(search)
  const all = pages.places
  const empty = all.next === undefined && all.pages.every(({ count }) => count === 0)
  if (rows.error && all.pages.length === 0) return <ProblemInline error={rows.error} onRetry={rows.retry} />
  if (empty) {
    const { children, ...words } = props.empty
    return (
      <div className={styles.pane}>
        <Empty {...words}>{children}</Empty>
      </div>
    )
  }
  return (
    <>
      <div
        ref={scroller}
        className={styles.pane}
        data-pending={pending || undefined}
        style={{ '--list-width': narrow ? '0' : `${268 + columns.length * 118}px` } as React.CSSProperties}
      >
        <table
          // biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: its rows are gone through and chosen by keys
          role="grid"
          aria-label={t('users.title')}
          aria-rowcount={all.next === undefined ? knownRows(all) + 1 : -1}
          aria-multiselectable="true"
          aria-busy={pending || all.pages.length === 0}
        >
          <thead className={styles.head}>
            <tr
              aria-rowindex={1}
              className={styles.headRow}
              style={{ gridTemplateColumns: template ?? '40px 1fr 44px' }}
            >
              <th scope="col" className={styles.check}>
                <input
                  type="checkbox"
                  checked={selected.size > 0}
                  ref={input => {
                    if (input) input.indeterminate = selected.size > 0
                  }}
                  onChange={() => props.onSelectAll(selected.size === 0)}
                  aria-label={t(selected.size > 0 ? 'users.selectNone' : 'users.selectAll')}
                />
              </th>
              <Header order="display_name" label={t('users.user')} now={order} onOrder={props.onOrder} />
              {!narrow &&
                columns.map(column => (
                  <Header
                    key={column.key}
                    order={column.order}
                    label={column.header}
                    now={order}
                    onOrder={props.onOrder}
                  />
                ))}
              <th scope="col">
                <VisuallyHidden>{t('common.actions')}</VisuallyHidden>
              </th>
            </tr>
          </thead>
          <tbody
            className={styles.body}
            style={{ height: virtualizer.getTotalSize() }}
            onPointerOver={event => tellTime(event.target, words.language)}
          >
            {items.map(({ index, start }) => {
              const user = rows.rowAt(index)
              return (
                <UserRow
                  key={index}
                  user={user}
                  row={index}
                  top={start}
                  columns={columns}
                  template={template ?? ''}
                  shape={shape}
                  now={now}
                  active={index === active}
                  selected={user !== undefined && selected.has(user.id)}
                  actions={actions}
                  words={words}
                />
              )
            })}
          </tbody>
        </table>
      </div>
      {rows.error !== undefined && rows.error !== null && <ProblemInline error={rows.error} onRetry={rows.retry} />}
    </>
  )
}

interface HeaderProps {
  order: Order['field'] | undefined
  label: string
  now: Order
  onOrder: (order: Order) => void
}

function Header({ order, label, now, onOrder }: HeaderProps) {
  if (!order) return <th scope="col">{label}</th>
  const sorted = now.field === order
  // Names begin with the first letter, times with the latest.
  const first = order === 'create_time' || order === 'update_time'
  const next: Order = { field: order, descending: sorted ? !now.descending : first }
  const Arrow = now.descending ? IconArrowDown : IconArrowUp
  return (
    <th scope="col" aria-sort={sorted ? (now.descending ? 'descending' : 'ascending') : 'none'}>
      <button
        type="button"
        className={styles.sort}
        data-sorted={sorted || undefined}
        data-order={orderText(next)}
        onClick={() => onOrder(next)}
      >
        {label}
        {sorted && <Arrow size={13} />}
      </button>
    </th>
  )
}

/** The whole time on hover: written when it is asked for, not for each row that flies by. */
function tellTime(target: EventTarget, language: string) {
  if (target instanceof HTMLTimeElement) target.title = absolute(new Date(target.dateTime), language)
}

/** @returns the time, anew each half minute: one clock for all rows. */
function useMinute(): number {
  const [start] = useState(() => new Date(0))
  return useNow(start)
}
