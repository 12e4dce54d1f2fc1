/** One dashboard: to be looked at, and to be built. */
import { create } from '@bufbuild/protobuf'
import { skipToken, useMutation, useQuery } from '@connectrpc/connect-query'
import { Button, Group, Menu, Select, Skeleton, Text, TextInput, Title } from '@mantine/core'
import {
  type Dashboard,
  DashboardSchema,
  DashboardsService,
  type Panel,
  type Variable,
  Visibility,
} from '@site11/proto/es/site11/statistics/v1/dashboards_service_pb.ts'
import { MetricsService } from '@site11/proto/es/site11/statistics/v1/metrics_service_pb.ts'
import { IconArrowBackUp, IconArrowForwardUp, IconDots, IconPlus } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { mayCall } from '../api/policy.ts'
import { problemFrom } from '../api/problem.ts'
import { useSession } from '../api/use-session.ts'
import { Empty } from '../ui/empty.tsx'
import { LeaveGuard } from '../ui/leave-guard.tsx'
import { ProblemInline } from '../ui/problem.tsx'
import { isAbsent, NotRunning } from './absent.tsx'
import { exportDashboard } from './dashboard-file.ts'
import { SeenBy, useDashboardActions } from './dashboards.tsx'
import { Grid } from './grid.tsx'
import { begun, edited, redone, undone } from './history.ts'
import { settled } from './layout.ts'
import { PanelForm } from './panel-form.tsx'
import { newPanel, placesOf, rangeOf, withPlaces } from './panels.ts'
import { comparisonMs } from './range.ts'
import { refreshDashboards } from './refresh.ts'
import type { StatisticsSearch } from './search.ts'
import { SpanBar } from './span-bar.tsx'
import styles from './statistics.module.css'
import { useChoice, useSearch } from './use-search.ts'
import { valuesOf } from './variables.ts'

const { getDashboard, createDashboard, updateDashboard } = DashboardsService.method
const blank = create(DashboardSchema, { visibility: Visibility.PRIVATE })

export function Board({ id }: { id: string }) {
  const isNew = id === 'new'
  const { search } = useSearch()
  const { data, error, refetch } = useQuery(getDashboard, isNew ? skipToken : { id })
  const { t } = useTranslation()
  const dashboard = isNew ? blank : data?.dashboard
  if (!dashboard) {
    if (!error) return <Skeleton height={420} radius={8} role="status" aria-label={t('common.loading')} />
    return isAbsent(error) ? (
      <NotRunning onRetry={refetch} />
    ) : (
      <ProblemInline error={error} onRetry={refetch}>
        <Link to="/statistics" search={{ tab: 'dashboards' }}>
          {t('statistics.dashboard.all')}
        </Link>
      </ProblemInline>
    )
  }
  return search.edit && !dashboard.builtIn ? (
    <Builder dashboard={dashboard} onReload={async () => (await refetch()).data?.dashboard} />
  ) : (
    <Shown dashboard={dashboard} />
  )
}

function Shown({ dashboard }: { dashboard: Dashboard }) {
  const { t } = useTranslation()
  const { set } = useSearch()
  const mayWrite = mayCall(useSession(), updateDashboard)
  const { copy, remove } = useDashboardActions()
  const edit = mayWrite && !dashboard.builtIn
  return (
    <div className={styles.page}>
      <Group justify="space-between" align="flex-start">
        <div>
          <Group gap="sm" align="baseline">
            <Link to="/statistics" search={{ tab: 'dashboards' }} className={styles.up}>
              {t('statistics.tabs.dashboards')}
            </Link>
            <Title order={2}>{dashboard.title}</Title>
            <SeenBy dashboard={dashboard} />
          </Group>
          {dashboard.description && (
            <Text size="sm" c="dimmed">
              {dashboard.description}
            </Text>
          )}
        </div>
        <Group gap="xs">
          {edit && (
            <Button variant="default" onClick={() => set({ edit: true }, true)}>
              {t('statistics.dashboard.edit')}
            </Button>
          )}
          {mayWrite && dashboard.builtIn && (
            <Button variant="default" onClick={() => void copy(dashboard)}>
              {t('statistics.dashboard.duplicate')}
            </Button>
          )}
          <Menu position="bottom-end">
            <Menu.Target>
              <Button variant="default" px={8} aria-label={t('common.actions')}>
                <IconDots size={16} />
              </Button>
            </Menu.Target>
            <Menu.Dropdown>
              {mayWrite && (
                <>
                  <Menu.Item onClick={() => set({ tab: 'reports', part: 'made', id: `new:${dashboard.id}` }, true)}>
                    {t('statistics.report.create')}
                  </Menu.Item>
                  <Menu.Item onClick={() => void copy(dashboard)}>{t('statistics.dashboard.duplicate')}</Menu.Item>
                </>
              )}
              <Menu.Item onClick={() => void exportDashboard(dashboard)}>{t('statistics.dashboard.export')}</Menu.Item>
              {edit && <Menu.Item onClick={() => void remove(dashboard)}>{t('statistics.dashboard.delete')}</Menu.Item>}
            </Menu.Dropdown>
          </Menu>
        </Group>
      </Group>
      <Panels dashboard={dashboard} />
    </div>
  )
}

interface PanelsProps {
  dashboard: Dashboard
  build?: {
    onPanels: (panels: Panel[]) => void
    onEdit: (panel: Panel) => void
  }
}

function Panels({ dashboard, build }: PanelsProps) {
  const { t } = useTranslation()
  const { search, set } = useSearch()
  const usual = rangeOf(dashboard)
  const choice = useChoice(search, usual)
  const { panels, variables } = dashboard
  const values = useMemo(() => valuesOf(variables, search.vars), [variables, search.vars])
  const compareMs = search.compare ? comparisonMs(search.compare, choice) : 0
  const zoom = useCallback((from: number, to: number) => set({ from, to }, true), [set])
  return (
    <>
      <SpanBar usual={usual}>
        {variables.map(variable => (
          <VariableChoice
            key={variable.name}
            variable={variable}
            value={values.get(variable.name) ?? ''}
            onChange={value => set({ vars: { ...search.vars, [variable.name]: value } })}
          />
        ))}
      </SpanBar>
      {panels.length === 0 ? (
        <div className={styles.sheet}>
          <Empty
            title={t('statistics.dashboard.noPanels')}
            hint={t(build ? 'statistics.dashboard.noPanelsBuild' : 'statistics.dashboard.noPanelsHint')}
          />
        </div>
      ) : (
        <Grid
          panels={panels}
          values={values}
          choice={choice}
          live={search.live !== false}
          compareMs={compareMs}
          onZoom={zoom}
          build={build}
        />
      )}
    </>
  )
}

interface VariableChoiceProps {
  variable: Variable
  value: string
  onChange: (value: string) => void
}

function VariableChoice({ variable: { name, title, metric, label }, value, onChange }: VariableChoiceProps) {
  const { t } = useTranslation()
  const { data } = useQuery(MetricsService.method.listLabelValues, { metric, label }, { staleTime: 60_000 })
  const values = [...new Set([...(data?.values ?? []), ...(value ? [value] : [])])]
  return (
    <Select
      size="xs"
      w={160}
      aria-label={title || name}
      placeholder={`${title || name}: ${t('statistics.dashboard.any')}`}
      searchable
      clearable
      value={value || null}
      data={values}
      onChange={next => onChange(next ?? '')}
    />
  )
}

/** A span, a zoom or a choice of variables leads nowhere else. */
const staysIn = ({ pathname, search }: { pathname: string; search: StatisticsSearch }, id: string) =>
  pathname === '/statistics' && search.id === id && search.edit === true

interface BuilderProps {
  dashboard: Dashboard
  onReload: () => Promise<Dashboard | undefined>
}

/** What is being built stays here until it is saved, whatever the server has meanwhile. */
function Builder({ dashboard, onReload }: BuilderProps) {
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
      <Panels dashboard={draft} build={{ onPanels: panels => edit({ panels }), onEdit: setPanel }} />
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
