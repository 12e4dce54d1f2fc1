/** A dashboard being built: with undo, and with what somebody else has saved meanwhile. */
import { useMutation } from '@connectrpc/connect-query'
import { Button, Group, Select, Text, TextInput, Title } from '@mantine/core'
import {
  type Dashboard,
  DashboardsService,
  type Panel,
  Visibility,
} from '@site11/proto/es/site11/statistics/v1/dashboards_service_pb.ts'
import { IconArrowBackUp, IconArrowForwardUp, IconPlus } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { useCallback, useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { problemFrom } from '../api/problem.ts'
import { LeaveGuard } from '../ui/leave-guard.tsx'
import { ProblemInline } from '../ui/problem.tsx'
import { BoardPanels } from './board-panels.tsx'
import { begun, edited, redone, undone } from './history.ts'
import { settled } from './layout.ts'
import { PanelForm } from './panel-form.tsx'
import { newPanel, placesOf, withPlaces } from './panels.ts'
import { refreshDashboards } from './refresh.ts'
import { staysIn } from './search.ts'
import styles from './statistics.module.css'
import { useSearch } from './use-search.ts'

const { createDashboard, updateDashboard } = DashboardsService.method

interface BoardBuilderProps {
  dashboard: Dashboard
  onReload: () => Promise<Dashboard | undefined>
}

/** What is being built stays here until it is saved, whatever the server has meanwhile. */
export function BoardBuilder({ dashboard, onReload }: BoardBuilderProps) {
  const { t } = useTranslation()
  const { set } = useSearch()
  const client = useQueryClient()
  const isNew = dashboard.id === ''
  const [base, setBase] = useState(dashboard)
  const [edits, setEdits] = useState(() => begun(dashboard))
  const [panel, setPanel] = useState<Panel>()
  const [theirs, setTheirs] = useState<Dashboard>()
  const [failure, setFailure] = useState<unknown>()
  const [untitled, setUntitled] = useState(false)
  const saved = useRef(false)
  const [requestId] = useState(() => crypto.randomUUID?.() ?? '')
  const creating = useMutation(createDashboard)
  const updating = useMutation(updateDashboard)
  const draft = edits.now
  const dirty = draft !== base
  const edit = useCallback((change: Partial<Dashboard>) => setEdits(all => edited(all, { ...all.now, ...change })), [])

  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const target = event.target instanceof Element ? event.target : undefined
      if (!(event.ctrlKey || event.metaKey) || target?.closest('input, textarea, [role="dialog"]')) return
      if (event.code !== 'KeyZ') return
      event.preventDefault()
      setEdits(event.shiftKey ? redone : undone)
    }
    document.addEventListener('keydown', pressed)
    return () => document.removeEventListener('keydown', pressed)
  }, [])

  async function save(etag: string) {
    if (!draft.title.trim()) return setUntitled(true)
    setFailure(undefined)
    const { title, description, panels, variables, visibility, range } = draft
    const values = { title: title.trim(), description, panels, variables, visibility, ...(range && { range }) }
    try {
      const { dashboard: kept } = isNew
        ? await creating.mutateAsync({ dashboard: values, requestId })
        : await updating.mutateAsync({
            dashboard: { ...values, id: draft.id, etag },
            updateMask: { paths: ['title', 'description', 'panels', 'variables', 'visibility', 'range'] },
          })
      saved.current = true
      await refreshDashboards(client)
      set({ id: kept?.id, edit: undefined })
    } catch (error) {
      if (problemFrom(error).reason === 'ETAG_MISMATCH') setTheirs(await onReload().catch(() => undefined))
      setFailure(error)
    }
  }
  function takeTheirs() {
    if (!theirs) return
    setBase(theirs)
    setEdits(begun(theirs))
    setTheirs(undefined)
    setFailure(undefined)
  }
  const busy = creating.isPending || updating.isPending
  return (
    <div className={styles.page}>
      <LeaveGuard dirty={() => dirty && !saved.current} stays={next => staysIn(next, dashboard.id || 'new')} />
      <Title order={2} className={styles.unseen}>
        {draft.title || t('statistics.dashboard.create')}
      </Title>
      <div className={styles.buildBar}>
        <TextInput
          aria-label={t('statistics.dashboard.title')}
          placeholder={t('statistics.dashboard.titlePlaceholder')}
          value={draft.title}
          maxLength={120}
          autoFocus={isNew}
          error={untitled && !draft.title.trim() && t('statistics.dashboard.titleMissing')}
          flex="1 1 220px"
          maw={360}
          onChange={event => edit({ title: event.currentTarget.value })}
        />
        <TextInput
          aria-label={t('statistics.dashboard.description')}
          placeholder={t('statistics.dashboard.description')}
          value={draft.description}
          maxLength={1000}
          flex="2 1 260px"
          onChange={event => edit({ description: event.currentTarget.value })}
        />
        <Select
          w={200}
          aria-label={t('statistics.dashboard.seenBy')}
          allowDeselect={false}
          value={draft.visibility === Visibility.SHARED ? 'shared' : 'private'}
          data={[
            { value: 'private', label: t('statistics.dashboard.privateLong') },
            { value: 'shared', label: t('statistics.dashboard.sharedLong') },
          ]}
          onChange={value => edit({ visibility: value === 'shared' ? Visibility.SHARED : Visibility.PRIVATE })}
        />
        <Group gap={4}>
          <Button
            variant="default"
            px={8}
            disabled={edits.past.length === 0}
            aria-label={t('common.undo')}
            title={`${t('common.undo')} (Ctrl Z)`}
            onClick={() => setEdits(undone)}
          >
            <IconArrowBackUp size={16} />
          </Button>
          <Button
            variant="default"
            px={8}
            disabled={edits.future.length === 0}
            aria-label={t('statistics.dashboard.redo')}
            title={`${t('statistics.dashboard.redo')} (Ctrl Shift Z)`}
            onClick={() => setEdits(redone)}
          >
            <IconArrowForwardUp size={16} />
          </Button>
        </Group>
        <Button
          variant="default"
          leftSection={<IconPlus size={16} />}
          onClick={() =>
            setPanel(
              newPanel(draft.panels, { metric: 'requests', by: ['service'], filter: '', agg: undefined, top: 6 }, ''),
            )
          }
        >
          {t('statistics.panel.add')}
        </Button>
        <Group gap="xs" ml="auto">
          <Button variant="default" onClick={() => set({ edit: undefined, ...(isNew && { id: undefined }) })}>
            {t('common.cancel')}
          </Button>
          <Button loading={busy} disabled={!dirty && !isNew} onClick={() => void save(base.etag)}>
            {t('common.save')}
          </Button>
        </Group>
      </div>
      {theirs ? (
        <div role="alert" className={styles.conflict}>
          <Text fw={600}>{t('statistics.dashboard.conflict')}</Text>
          <Text size="sm" c="dimmed">
            {t('statistics.dashboard.conflictHint', { count: theirs.panels.length, title: theirs.title })}
          </Text>
          <Group gap="xs" mt={6}>
            <Button size="compact-sm" variant="default" onClick={takeTheirs}>
              {t('statistics.dashboard.takeTheirs')}
            </Button>
            <Button size="compact-sm" onClick={() => void save(theirs.etag)}>
              {t('statistics.dashboard.keepMine')}
            </Button>
          </Group>
        </div>
      ) : (
        failure !== undefined && <ProblemInline error={failure} />
      )}
      <BoardPanels dashboard={draft} build={{ onPanels: panels => edit({ panels }), onEdit: setPanel }} />
      {panel && (
        <PanelForm
          panel={panel}
          isNew={!draft.panels.some(({ id }) => id === panel.id)}
          onClose={() => setPanel(undefined)}
          onSave={next => {
            const others = draft.panels.some(({ id }) => id === next.id)
            const panels = others
              ? draft.panels.map(each => (each.id === next.id ? next : each))
              : [...draft.panels, next]
            edit({ panels: withPlaces(panels, settled(placesOf(panels))) })
            setPanel(undefined)
          }}
        />
      )}
    </div>
  )
}
