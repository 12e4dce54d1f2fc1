/** The filter in words and choices: both are views of what stands in the URL, which is what the API takes. */
import { ActionIcon, Group, SegmentedControl, Select, Switch, TextInput } from '@mantine/core'
import { useDebouncedCallback, useHotkeys } from '@mantine/hooks'
import { IconCode, IconFilter, IconSearch } from '@tabler/icons-react'
import { useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { moment } from '../ui/format.ts'
import { type Choices, choicesOf, filterOf, roles } from './filter.ts'
import { type Order, orderFields, orderOf, orderText, type UsersSearch, usersSearch } from './search.ts'

interface FilterBarProps {
  search: UsersSearch
  /** Room for few columns: the order is chosen here. */
  narrow: boolean
  onChange: (change: Partial<Record<keyof UsersSearch, UsersSearch[keyof UsersSearch] | undefined>>) => void
}

const day = 86_400_000
const ages = { '1': day, '7': 7 * day, '30': 30 * day } as const

export function FilterBar({ search, narrow, onChange }: FilterBarProps) {
  const { t, i18n } = useTranslation()
  const filter = search.filter ?? ''
  const choices = choicesOf(filter)
  const [asText, setAsText] = useState(choices.rest.length > 0)
  // Choices take a screen where it is narrow: they open when they are wanted.
  const [opened, setOpened] = useState(false)
  const choicesShown = !narrow || opened
  const input = useRef<HTMLInputElement>(null)
  const searchFor = useDebouncedCallback((text: string) => onChange({ search: text.trim() || undefined }), 200)
  useHotkeys([['/', () => input.current?.focus()]])
  // Back and forward change the URL; what is being typed here is not overwritten by it.
  useEffect(() => {
    if (input.current && document.activeElement !== input.current) input.current.value = search.search ?? ''
  }, [search.search])
  const choose = (change: Partial<Record<keyof Choices, Choices[keyof Choices] | undefined>>) =>
    onChange({ filter: filterOf({ ...choices, ...change } as Choices) || undefined })

  const age = choices.createdAfter && {
    value: choices.createdAfter,
    label: t('users.createdAfter', { time: moment(new Date(choices.createdAfter), i18n.language) }),
  }
  return (
    <>
      <Group gap="sm">
        <TextInput
          ref={input}
          defaultValue={search.search ?? ''}
          onChange={event => searchFor(event.currentTarget.value)}
          onKeyDown={event => {
            if (event.key === 'Escape' && !event.nativeEvent.isComposing) event.currentTarget.blur()
          }}
          aria-label={t('users.search')}
          placeholder={t('users.search')}
          leftSection={<IconSearch size={16} />}
          maxLength={100}
          flex="1 1 220px"
          {...(!narrow && { maw: 320 })}
        />
        {narrow && (
          <ActionIcon
            variant={opened || filter ? 'light' : 'default'}
            size={36}
            aria-expanded={opened}
            onClick={() => setOpened(!opened)}
            aria-label={t('users.filters')}
            title={t('users.filters')}
          >
            <IconFilter size={18} />
          </ActionIcon>
        )}
        {choicesShown && (
          <>
            <SegmentedControl
              aria-label={t('users.filter')}
              value={choices.state ?? 'all'}
              onChange={value => choose({ state: value === 'all' ? undefined : (value as 'ACTIVE') })}
              data={[
                { value: 'all', label: t('users.all') },
                { value: 'ACTIVE', label: t('users.active') },
                { value: 'DISABLED', label: t('users.disabled') },
              ]}
            />
            <Select
              aria-label={t('users.role')}
              placeholder={t('users.anyRole')}
              clearable
              w={132}
              value={choices.role ?? null}
              onChange={value => choose({ role: (value as (typeof roles)[number] | null) ?? undefined })}
              data={[...roles]}
            />
            <Select
              aria-label={t('users.mail')}
              placeholder={t('users.anyMail')}
              clearable
              w={156}
              value={choices.verified === undefined ? null : String(choices.verified)}
              onChange={value => choose({ verified: value === null ? undefined : value === 'true' })}
              data={[
                { value: 'true', label: t('users.verified') },
                { value: 'false', label: t('users.unverified') },
              ]}
            />
            <Select
              aria-label={t('users.age')}
              placeholder={t('users.anyAge')}
              clearable
              w={168}
              value={choices.createdAfter ?? null}
              onChange={value => {
                const ms = value && Object.hasOwn(ages, value) ? ages[value as keyof typeof ages] : undefined
                choose({ createdAfter: ms ? new Date(Date.now() - ms).toISOString() : (value ?? undefined) })
              }}
              data={[
                ...(Object.keys(ages) as (keyof typeof ages)[]).map(days => ({
                  value: days,
                  label: t('users.withinDays', { count: Number(days) }),
                })),
                ...(age ? [age] : []),
              ]}
            />
            {narrow && <OrderSelect search={search} onChange={order => onChange({ order: orderText(order) })} />}
            <Switch
              label={t('users.showDeleted')}
              checked={search.deleted ?? false}
              onChange={event => onChange({ deleted: event.currentTarget.checked || undefined })}
            />
            <ActionIcon
              variant={asText ? 'light' : 'subtle'}
              color={asText ? undefined : 'gray'}
              size="lg"
              aria-pressed={asText}
              onClick={() => setAsText(!asText)}
              aria-label={t('users.filterText')}
              title={t('users.filterText')}
            >
              <IconCode size={18} />
            </ActionIcon>
          </>
        )}
      </Group>
      {choicesShown && asText && (
        <FilterText key={filter} filter={filter} onChange={text => onChange({ filter: text || undefined })} />
      )}
    </>
  )
}

/** The filter as the API takes it. */
function FilterText({ filter, onChange }: { filter: string; onChange: (filter: string) => void }) {
  const { t } = useTranslation()
  return (
    <form
      onSubmit={event => {
        event.preventDefault()
        onChange(String(new FormData(event.currentTarget).get('filter')).trim())
      }}
    >
      <TextInput
        name="filter"
        defaultValue={filter}
        aria-label={t('users.filterText')}
        placeholder='display_name = "김*" AND create_time > "2026-01-01T00:00:00Z"'
        description={t('users.filterHint')}
        inputWrapperOrder={['input', 'description']}
        classNames={{ input: 'mono' }}
        spellCheck={false}
        autoComplete="off"
        maxLength={1000}
      />
    </form>
  )
}

function OrderSelect({ search, onChange }: { search: UsersSearch; onChange: (order: Order) => void }) {
  const { t } = useTranslation()
  const choices = orderFields.flatMap(field => [false, true].map(descending => ({ field, descending })))
  return (
    <Select
      aria-label={t('users.order')}
      w={170}
      allowDeselect={false}
      value={orderText(orderOf(search))}
      onChange={value => onChange(orderOf(usersSearch({ order: value ?? '' })))}
      data={choices.map(order => ({
        value: orderText(order),
        label: t(`users.orders.${order.field}${order.descending ? '_desc' : ''}`),
      }))}
    />
  )
}
