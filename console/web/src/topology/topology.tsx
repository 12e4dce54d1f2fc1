/** The topology: who calls whom, how often and how well, as a map or as a list. */
import { useQuery } from '@connectrpc/connect-query'
import { Group, SegmentedControl, Skeleton, Switch, Text, TextInput } from '@mantine/core'
import { useDebouncedCallback, useMediaQuery } from '@mantine/hooks'
import { DiagnosticsService } from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import { IconSearch } from '@tabler/icons-react'
import { getRouteApi, Link } from '@tanstack/react-router'
import { lazy, Suspense, useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { LiveMark, LiveView } from '../mesh/live-view.tsx'
import { type Mesh, useMesh } from '../mesh/use-mesh.ts'
import { useSlash } from '../palette/use-keys.ts'
import { Empty } from '../ui/empty.tsx'
import { Page } from '../ui/page.tsx'
import { PartList } from './list.tsx'
import { filtered, folded, mostParts, topologyFrom } from './model.ts'
import type { TopologySearch } from './search.ts'
import styles from './topology.module.css'
import { useFlows } from './use-flows.ts'

const LazyMap = lazy(async () => ({ default: (await import('./map.tsx')).TopologyMap }))
const route = getRouteApi('/app/topology')

export function Topology() {
  const { t } = useTranslation()
  const { live } = useMesh()
  return (
    <Page title={t('topology.title')} aside={<LiveMark live={live} />}>
      <LiveView>{mesh => <Drawn mesh={mesh} />}</LiveView>
    </Page>
  )
}

function Drawn({ mesh }: { mesh: Mesh | undefined }) {
  const { t } = useTranslation()
  const search = route.useSearch()
  const narrow = useMediaQuery('(max-width: 48em)', undefined, { getInitialValueInEffect: false })
  const statistics = [...(mesh?.instances.values() ?? [])].some(({ instance }) => instance?.service === 'statistics')
  const { flows, absent } = useFlows(statistics)
  const routes = useQuery(DiagnosticsService.method.listRoutes, {}, { staleTime: 60_000, enabled: mesh !== undefined })
  if (!mesh) return <Skeleton height={420} radius={8} role="status" aria-label={t('common.loading')} />

  const routed = routes.data && new Set(routes.data.routes.map(({ service }) => service))
  const whole = topologyFrom(mesh, flows, routed)
  const wanted = filtered(whole, search)
  const shown = search.all ? wanted : folded(wanted)
  const view = search.view ?? (narrow ? 'list' : 'map')
  return (
    <div className={styles.page}>
      <Filter view={view} />
      {absent && (
        <Text size="sm" c="dimmed">
          {t('topology.noFigures')}
        </Text>
      )}
      {wanted.parts.length > mostParts && (
        <Text size="sm" c="dimmed">
          {t('topology.many', { count: wanted.parts.length })}{' '}
          <Link to="/topology" search={{ ...search, all: search.all ? undefined : true }} replace>
            {t(search.all ? 'topology.fold' : 'topology.showAll')}
          </Link>
        </Text>
      )}
      {shown.parts.length === 0 ? (
        <div className={styles.frame}>
          <Nothing search={search} />
        </div>
      ) : view === 'list' ? (
        <PartList topology={wanted} />
      ) : (
        <Suspense fallback={<Skeleton height={420} radius={8} />}>
          <LazyMap topology={shown} />
        </Suspense>
      )}
    </div>
  )
}

/** What a filter leaves nothing of; only failing and nothing fails is good news. */
function Nothing({ search: { service, failing } }: { search: TopologySearch }) {
  const { t } = useTranslation()
  const well = failing && !service
  return (
    <Empty title={t(well ? 'topology.allWell' : 'topology.noneFound')} hint={t('topology.noneFoundHint')}>
      <Link to="/topology">{t('topology.clear')}</Link>
    </Empty>
  )
}

function Filter({ view }: { view: 'map' | 'list' }) {
  const { t } = useTranslation()
  const navigate = route.useNavigate()
  const { service, failing } = route.useSearch()
  const input = useRef<HTMLInputElement>(null)
  const set = (change: { [K in keyof TopologySearch]: TopologySearch[K] | undefined }) =>
    navigate({ search: previous => ({ ...previous, ...change }) as TopologySearch, replace: true, resetScroll: false })
  const filterBy = useDebouncedCallback((text: string) => set({ service: text.trim() || undefined }), 200)
  useSlash(input)
  useEffect(() => {
    if (input.current && document.activeElement !== input.current) input.current.value = service ?? ''
  }, [service])
  return (
    <Group gap="sm">
      <TextInput
        ref={input}
        defaultValue={service ?? ''}
        onChange={event => filterBy(event.currentTarget.value)}
        aria-label={t('topology.filter')}
        placeholder={t('topology.filter')}
        leftSection={<IconSearch size={16} />}
        maxLength={64}
        flex="1 1 200px"
        maw={320}
      />
      <Switch
        label={t('topology.onlyFailing')}
        checked={failing ?? false}
        onChange={event => set({ failing: event.currentTarget.checked || undefined })}
      />
      <SegmentedControl
        ml="auto"
        aria-label={t('topology.view')}
        value={view}
        onChange={value => set({ view: value === 'list' ? 'list' : 'map' })}
        data={[
          { value: 'map', label: t('topology.map') },
          { value: 'list', label: t('topology.list') },
        ]}
      />
    </Group>
  )
}
