/** The tail of a log: follows the end until one scrolls up, and never moves what is being read. */
import { Button, Group, Select, Skeleton, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { LogLevel, type LogLine, OperationsService } from '@site11/proto/es/site11/console/v1/operations_service_pb.ts'
import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { LiveSource } from '../api/live.ts'
import { useLive } from '../api/use-live.ts'
import { dateOf } from '../mesh/state.ts'
import { Empty } from '../ui/empty.tsx'
import { type LogBuffer, type LogRow, linesWith } from './log-buffer.ts'
import styles from './logs.module.css'
import { OperationsProblem } from './operations-problem.tsx'

const { watchLogs } = OperationsService.method
const tail: LiveSource<typeof watchLogs.input, typeof watchLogs.output, LogBuffer> = {
  method: watchLogs,
  reduce: linesWith,
}
const levels = { all: LogLevel.UNSPECIFIED, info: LogLevel.INFO, warn: LogLevel.WARN, error: LogLevel.ERROR } as const
type Level = keyof typeof levels
const levelNames: Record<number, Level | 'debug'> = {
  [LogLevel.DEBUG]: 'debug',
  [LogLevel.INFO]: 'info',
  [LogLevel.WARN]: 'warn',
  [LogLevel.ERROR]: 'error',
}
const nothing: LogBuffer = { rows: [], count: 0, skipped: 0 }

/** @param process such as `users-1`; the name of a service stands for all its instances. */
export function Logs({ process }: { process: string }) {
  const { t, i18n } = useTranslation()
  const [level, setLevel] = useState<Level>('all')
  const [search, setSearch] = useState('')
  const [asked] = useDebouncedValue(search.trim(), 300)
  const { value, live, error, retry } = useLive(tail, { processes: [process], level: levels[level], search: asked })
  /** What is shown while it is paused. */
  const [frozen, setFrozen] = useState<LogBuffer>()
  const count = (number: number) => new Intl.NumberFormat(i18n.language).format(number)
  // biome-ignore lint/correctness/useExhaustiveDependencies: another question has another answer
  useEffect(() => setFrozen(undefined), [process, level, asked])
  const shown = frozen ?? value
  const waiting = frozen && value ? Math.max(0, value.count - frozen.count) : 0
  if (error && !value) return <OperationsProblem error={error} onRetry={retry} />
  return (
    <div className={styles.logs}>
      <Group gap="xs">
        <TextInput
          aria-label={t('services.log.search')}
          placeholder={t('services.log.search')}
          value={search}
          onChange={event => setSearch(event.currentTarget.value)}
          maxLength={200}
          flex="1 1 160px"
        />
        <Select
          aria-label={t('services.log.level')}
          w={130}
          allowDeselect={false}
          value={level}
          onChange={value => value && setLevel(value as Level)}
          data={(Object.keys(levels) as Level[]).map(value => ({ value, label: t(`services.log.levels.${value}`) }))}
        />
        <Button
          variant="default"
          aria-pressed={frozen !== undefined}
          onClick={() => setFrozen(frozen ? undefined : (value ?? nothing))}
        >
          {t(frozen ? 'services.log.resume' : 'services.log.pause')}
        </Button>
      </Group>
      {shown ? (
        <Lines
          buffer={shown}
          onLeaveEnd={() => setFrozen(before => before ?? value)}
          paused={frozen !== undefined}
          filtered={asked !== '' || level !== 'all'}
        />
      ) : (
        <Skeleton height={320} />
      )}
      <Group justify="space-between" className={styles.foot} role="status">
        <span>
          {frozen
            ? t('services.log.paused', { count: waiting, lines: count(waiting) })
            : t(live ? 'services.log.live' : 'services.log.cut')}
          {shown &&
            shown.skipped > 0 &&
            ` · ${t('services.log.skipped', { count: shown.skipped, lines: count(shown.skipped) })}`}
        </span>
        {frozen && (
          <Button size="compact-xs" variant="subtle" onClick={() => setFrozen(undefined)}>
            {t('services.log.toEnd')}
          </Button>
        )}
      </Group>
    </div>
  )
}

interface LinesProps {
  buffer: LogBuffer
  paused: boolean
  filtered: boolean
  /** One has scrolled up to read. */
  onLeaveEnd: () => void
}

function Lines({ buffer: { rows }, paused, filtered, onLeaveEnd }: LinesProps) {
  const { t } = useTranslation()
  const box = useRef<HTMLDivElement>(null)
  const [opened, setOpened] = useState<ReadonlySet<number>>(new Set())
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => 21,
    getItemKey: index => rows[index]?.id ?? index,
    overscan: 20,
  })
  const last = rows.at(-1)?.id
  // biome-ignore lint/correctness/useExhaustiveDependencies: goes to the end whenever there is a new one
  useEffect(() => {
    if (!paused && rows.length > 0) virtualizer.scrollToIndex(rows.length - 1, { align: 'end' })
  }, [last, paused])
  if (rows.length === 0) {
    return (
      <Empty title={t('services.log.none')} hint={t(filtered ? 'services.log.noneFound' : 'services.log.noneYet')} />
    )
  }
  const toggle = (id: number) =>
    setOpened(before => {
      const next = new Set(before)
      if (!next.delete(id)) next.add(id)
      return next
    })
  return (
    <div
      ref={box}
      className={styles.lines}
      role="log"
      aria-live="off"
      aria-label={t('services.tab.logs')}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, by keys as well
      tabIndex={0}
      onWheel={event => event.deltaY < 0 && onLeaveEnd()}
      onKeyDown={event => ['PageUp', 'ArrowUp', 'Home'].includes(event.key) && onLeaveEnd()}
      onTouchMove={onLeaveEnd}
    >
      <div className={styles.all} style={{ height: virtualizer.getTotalSize() }}>
        {virtualizer.getVirtualItems().map(({ index, key, start }) => {
          const row = rows[index]
          return (
            row && (
              <div
                key={key}
                ref={virtualizer.measureElement}
                data-index={index}
                className={styles.row}
                style={{ transform: `translateY(${start}px)` }}
              >
                <Line row={row} opened={opened.has(row.id)} onToggle={toggle} />
              </div>
            )
          )
        })}
      </div>
    </div>
  )
}

function Line({ row, opened, onToggle }: { row: LogRow; opened: boolean; onToggle: (id: number) => void }) {
  const { t, i18n } = useTranslation()
  if ('skipped' in row) {
    const lines = new Intl.NumberFormat(i18n.language).format(row.skipped)
    return <div className={styles.gap}>{t('services.log.skipped', { count: row.skipped, lines })}</div>
  }
  const { line, id } = row
  const name = levelNames[line.level] ?? 'all'
  const date = dateOf(line.time)
  return (
    <>
      <button
        type="button"
        className={`${styles.line} ${styles[name]}`}
        aria-expanded={opened}
        onClick={() => onToggle(id)}
      >
        <span className={styles.time}>{date && clock(date, i18n.language)}</span>
        <span className={styles.level}>{name === 'all' ? '' : name.toUpperCase()}</span>
        <span className={styles.message}>
          {line.message} <span className={styles.fields}>{opened ? '' : brief(line)}</span>
        </span>
      </button>
      {opened && <Detail line={line} />}
    </>
  )
}

const clock = (date: Date, language: string) =>
  new Intl.DateTimeFormat(language, {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    fractionalSecondDigits: 3,
    hourCycle: 'h23',
  }).format(date)

/** @returns the fields of a line by name; a line that is no JSON has none. */
function fieldsOf({ fields }: LogLine): [string, string][] {
  if (!fields) return []
  try {
    const parsed: unknown = JSON.parse(fields)
    if (typeof parsed !== 'object' || parsed === null) return []
    return Object.entries(parsed).map(([name, value]) => [
      name,
      typeof value === 'string' ? value : JSON.stringify(value),
    ])
  } catch {
    return [['', fields]]
  }
}

const brief = (line: LogLine) =>
  fieldsOf(line)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')
    .slice(0, 300)

function Detail({ line }: { line: LogLine }) {
  const { t } = useTranslation()
  const all = [
    ...fieldsOf(line),
    ...(line.traceId ? [['trace', line.traceId] as const] : []),
    ['process', line.process] as const,
  ]
  return (
    <dl className={styles.detail} aria-label={t('services.log.detail')}>
      {all.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}
