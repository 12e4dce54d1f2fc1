/** The filter: friendly, and the same as the API's, which it shows; or written by hand. */
import { ActionIcon, Code, CopyButton, Group, Select, TextInput } from '@mantine/core'
import { useDebouncedCallback } from '@mantine/hooks'
import { IconCheck, IconCode, IconCopy, IconSearch } from '@tabler/icons-react'
import { getRouteApi } from '@tanstack/react-router'
import { type FormEvent, useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useSession } from '../api/use-session.ts'
import { useSlash } from '../palette/use-keys.ts'
import { useActorNames } from '../ui/actor.ts'
import styles from './activity.module.css'
import { actorText } from './list.tsx'
import { type ActivitySearch, filterText, kinds, ranges, wantedOf } from './search.ts'
import { actionName, actions } from './words.ts'

const route = getRouteApi('/app/activity')

function useSet() {
  const navigate = route.useNavigate()
  return (change: { [K in keyof ActivitySearch]: ActivitySearch[K] | undefined }) =>
    navigate({ search: previous => ({ ...previous, ...change }) as ActivitySearch, replace: true, resetScroll: false })
}

export function Filter() {
  const search = route.useSearch()
  const [byHand, setByHand] = useState(search.filter !== undefined)
  return byHand ? <ByHand onFriendly={() => setByHand(false)} /> : <Friendly onByHand={() => setByHand(true)} />
}

function Friendly({ onByHand }: { onByHand: () => void }) {
  const { t } = useTranslation()
  const set = useSet()
  const search = route.useSearch()
  const { kind, name, action, actor, range } = search
  const input = useRef<HTMLInputElement>(null)
  useSlash(input)
  const nameBy = useDebouncedCallback((text: string) => set({ name: text.trim() || undefined }), 250)
  useEffect(() => {
    if (input.current && document.activeElement !== input.current) input.current.value = name ?? ''
  }, [name])
  const me = useSession()?.userId
  const own = me && `users/${me}`
  const actors = [...new Set([own, 'operator', 'console', actor].flatMap(each => each ?? []))]
  const names = useActorNames(actors)
  const wanted = wantedOf(search)
  const [nowMs] = useState(Date.now)
  const expression = filterText(wanted, nowMs)
  return (
    <div className={styles.filter}>
      <Group gap="sm">
        <TextInput
          ref={input}
          defaultValue={name ?? ''}
          onChange={event => nameBy(event.currentTarget.value)}
          aria-label={t('activity.name')}
          placeholder={t('activity.name')}
          leftSection={<IconSearch size={16} />}
          maxLength={100}
          flex="1 1 200px"
          maw={280}
        />
        <Select
          aria-label={t('activity.kind')}
          placeholder={t('activity.anyKind')}
          clearable
          flex="1 1 130px"
          maw={180}
          value={kind ?? null}
          onChange={value => set({ kind: kinds.find(each => each === value) })}
          data={kinds.map(value => ({ value, label: t(`activity.kinds.${value}`) }))}
        />
        <Select
          aria-label={t('activity.what')}
          placeholder={t('activity.anyAction')}
          clearable
          searchable
          flex="1 1 160px"
          maw={210}
          value={action ?? null}
          onChange={value => set({ action: value ?? undefined })}
          data={actions.map(value => ({ value, label: actionName(value, t) }))}
        />
        <Select
          aria-label={t('activity.who')}
          placeholder={t('activity.anybody')}
          clearable
          flex="1 1 130px"
          maw={180}
          value={actor ?? null}
          onChange={value => set({ actor: value ?? undefined })}
          data={actors.map(value => ({
            value,
            label:
              value === own
                ? t('activity.me')
                : value === 'operator'
                  ? t('activity.operator')
                  : (names.get(value) ?? actorText(value)),
          }))}
        />
        <Select
          aria-label={t('activity.range')}
          placeholder={t('activity.allTime')}
          clearable
          flex="1 1 110px"
          maw={150}
          value={range ?? null}
          onChange={value => set({ range: ranges.find(each => each === value) })}
          data={ranges.map(value => ({ value, label: t(`activity.ranges.${value}`) }))}
        />
        <ActionIcon
          variant="default"
          size={36}
          onClick={onByHand}
          aria-label={t('activity.byHand')}
          title={t('activity.byHand')}
        >
          <IconCode size={16} />
        </ActionIcon>
      </Group>
      {expression && <Expression value={expression} />}
    </div>
  )
}

/** What the API and the command line take, to copy. */
function Expression({ value }: { value: string }) {
  const { t } = useTranslation()
  return (
    <CopyButton value={value}>
      {({ copied, copy }) => (
        <Group gap={4} wrap="nowrap">
          <Code className={styles.expression}>{value}</Code>
          <ActionIcon variant="subtle" color="gray" size="sm" onClick={copy} aria-label={t('activity.copyFilter')}>
            {copied ? <IconCheck size={14} /> : <IconCopy size={14} />}
          </ActionIcon>
        </Group>
      )}
    </CopyButton>
  )
}

function ByHand({ onFriendly }: { onFriendly: () => void }) {
  const { t } = useTranslation()
  const set = useSet()
  const search = route.useSearch()
  const [nowMs] = useState(Date.now)
  const [text, setText] = useState(search.filter ?? filterText(wantedOf(search), nowMs))
  const input = useRef<HTMLInputElement>(null)
  useSlash(input)
  useEffect(() => input.current?.focus(), [])
  const empty = { kind: undefined, name: undefined, action: undefined, actor: undefined, range: undefined }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    void set({ ...empty, filter: text.trim() || undefined })
  }
  return (
    <form onSubmit={submit}>
      <Group gap="sm" align="flex-start">
        <TextInput
          ref={input}
          aria-label={t('activity.byHand')}
          description={t('activity.byHandHint')}
          inputWrapperOrder={['label', 'input', 'description']}
          classNames={{ input: 'mono' }}
          value={text}
          onChange={event => setText(event.currentTarget.value)}
          maxLength={1000}
          spellCheck={false}
          flex="1 1 320px"
        />
        <ActionIcon
          variant="default"
          size={36}
          aria-label={t('activity.friendly')}
          title={t('activity.friendly')}
          onClick={() => {
            onFriendly()
            void set({ filter: undefined })
          }}
        >
          <IconSearch size={16} />
        </ActionIcon>
      </Group>
    </form>
  )
}
