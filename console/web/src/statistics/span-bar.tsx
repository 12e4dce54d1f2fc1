/** Of when: ranges, a span of one's own, compared with what, and whether it goes on by itself. */
import { ActionIcon, Button, Group, SegmentedControl, Select, TextInput } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import { IconArrowBackUp, IconPlayerPause, IconPlayerPlay } from '@tabler/icons-react'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { moment } from '../ui/format.ts'
import { comparisonNames, defaultRange, isFixed, type RangeName, rangeNames, spanOf } from './range.ts'
import styles from './statistics.module.css'
import { useChoice, useSearch } from './use-search.ts'

interface SpanBarProps {
  /** What is shown at first. */
  usual?: RangeName
  /** Only a span: nothing to compare with, and nothing that goes on by itself. */
  still?: boolean
  children?: ReactNode
}

export function SpanBar({ usual = defaultRange, still = false, children }: SpanBarProps) {
  const { t, i18n } = useTranslation()
  const { search, set } = useSearch()
  const choice = useChoice(search, usual)
  const narrow = useMediaQuery('(max-width: 48em)', undefined, { getInitialValueInEffect: false })
  const [own, setOwn] = useState(false)
  const fixed = isFixed(choice)
  const value = fixed || own ? 'custom' : choice.range
  const options = [
    ...rangeNames.map(name => ({ value: name as string, label: t(`statistics.range.${name}`) })),
    { value: 'custom', label: t('statistics.range.custom') },
  ]
  function choose(next: string | null) {
    if (next === 'custom') return setOwn(true)
    setOwn(false)
    set({ span: rangeNames.find(name => name === next), from: undefined, to: undefined })
  }
  return (
    <div className={styles.spans}>
      <Group gap="xs">
        {narrow ? (
          <Select
            size="xs"
            w={110}
            aria-label={t('statistics.range.label')}
            value={value}
            onChange={choose}
            data={options}
            allowDeselect={false}
          />
        ) : (
          <SegmentedControl
            size="xs"
            aria-label={t('statistics.range.label')}
            value={value}
            onChange={choose}
            data={options}
          />
        )}
        {fixed && (
          <Button
            size="compact-sm"
            variant="default"
            leftSection={<IconArrowBackUp size={14} />}
            onClick={() => {
              setOwn(false)
              set({ from: undefined, to: undefined })
            }}
          >
            {t('statistics.range.back', { range: t(`statistics.range.${choice.range}`) })}
          </Button>
        )}
        {!still && (
          <Select
            size="xs"
            w={narrow ? 150 : 170}
            aria-label={t('statistics.compare.label')}
            placeholder={t('statistics.compare.none')}
            clearable
            value={search.compare ?? null}
            onChange={next => set({ compare: comparisonNames.find(name => name === next) })}
            data={comparisonNames.map(name => ({ value: name, label: t(`statistics.compare.${name}`) }))}
          />
        )}
        {!fixed && !still && (
          <ActionIcon
            variant={search.live === false ? 'default' : 'light'}
            size={30}
            aria-pressed={search.live !== false}
            aria-label={t('statistics.live')}
            title={t(search.live === false ? 'statistics.resume' : 'statistics.pause')}
            onClick={() => set({ live: search.live === false ? undefined : false })}
          >
            {search.live === false ? <IconPlayerPlay size={15} /> : <IconPlayerPause size={15} />}
          </ActionIcon>
        )}
        {children}
      </Group>
      {(fixed || own) && (
        <Own
          key={`${choice.from} ${choice.to}`}
          span={spanOf(choice, Date.now())}
          onChange={({ start, end }) => set({ from: start, to: end }, true)}
        />
      )}
      {fixed && (
        <p className={styles.hint}>
          {moment(new Date(choice.from), i18n.language)} – {moment(new Date(choice.to), i18n.language)}
        </p>
      )}
    </div>
  )
}

/** As a field for date and time takes it: without a zone, that of who looks at it. */
const localText = (time: number) => {
  const date = new Date(time)
  return new Date(time - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}

interface OwnProps {
  span: { start: number; end: number }
  onChange: (span: { start: number; end: number }) => void
}

function Own({ span, onChange }: OwnProps) {
  const { t } = useTranslation()
  const [start, setStart] = useState(localText(span.start))
  const [end, setEnd] = useState(localText(span.end))
  const chosen = { start: Date.parse(start), end: Date.parse(end) }
  const wrong = !(chosen.end > chosen.start)
  return (
    <form
      className={styles.own}
      onSubmit={event => {
        event.preventDefault()
        if (!wrong) onChange(chosen)
      }}
    >
      <TextInput
        size="xs"
        type="datetime-local"
        label={t('statistics.range.from')}
        value={start}
        onChange={event => setStart(event.currentTarget.value)}
      />
      <TextInput
        size="xs"
        type="datetime-local"
        label={t('statistics.range.to')}
        value={end}
        error={wrong && t('statistics.range.wrong')}
        onChange={event => setEnd(event.currentTarget.value)}
      />
      <Button size="xs" type="submit" variant="default" disabled={wrong}>
        {t('statistics.range.apply')}
      </Button>
    </form>
  )
}
