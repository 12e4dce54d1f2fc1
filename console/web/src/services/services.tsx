/** All services with their instances. */
import { SegmentedControl, TextInput } from '@mantine/core'
import { useDebouncedCallback, useHotkeys } from '@mantine/hooks'
import { Dimension } from '@site11/proto/es/site11/statistics/v1/statistics_service_pb.ts'
import { IconSearch } from '@tabler/icons-react'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useEffect, useMemo, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { LiveMark, LiveView } from '../mesh/live-view.tsx'
import { servicesOf } from '../mesh/services.ts'
import { type Mesh, useMesh } from '../mesh/use-mesh.ts'
import { NoFigures } from '../signals/figures.tsx'
import { usePartSignals, useSignals } from '../signals/use-signals.ts'
import { Empty } from '../ui/empty.tsx'
import { Page } from '../ui/page.tsx'
import { InstanceDrawer } from './instance-drawer.tsx'
import { MeshTable, TableSkeleton } from './mesh-table.tsx'
import { openAtFirst, rowsOf } from './rows.ts'
import { type ServicesSearch, shows } from './search.ts'
import styles from './services.module.css'

const route = getRouteApi('/app/services/')
const byInstance = [Dimension.SERVICE, Dimension.INSTANCE]

export function Services() {
  const { t } = useTranslation()
  const navigate = route.useNavigate()
  const { instance, tab } = route.useSearch()
  const { live } = useMesh()
  const close = () => void navigate({ search: ({ instance, tab, ...rest }) => rest, resetScroll: false })
  return (
    <Page title={t('services.title')} aside={<LiveMark live={live} />}>
      <LiveView>{mesh => <List mesh={mesh} />}</LiveView>
      <InstanceDrawer
        name={instance}
        tab={tab ?? 'state'}
        onTab={tab => void navigate({ search: previous => ({ ...previous, tab }), replace: true, resetScroll: false })}
        onClose={close}
      />
    </Page>
  )
}

function List({ mesh }: { mesh: Mesh | undefined }) {
  const { t } = useTranslation()
  const navigate = route.useNavigate()
  const search = route.useSearch()
  const signals = useSignals()
  const instanceSignals = usePartSignals({ by: byInstance })
  const services = useMemo(() => mesh && servicesOf(mesh.instances.values(), mesh.health), [mesh])
  const rows = useMemo(
    () => services && rowsOf({ services, signals: signals.value, instanceSignals, search }),
    [services, signals.value, instanceSignals, search],
  )
  if (!services || !rows) return <TableSkeleton />
  const set = (change: Partial<ServicesSearch>) =>
    void navigate({ search: previous => ({ ...previous, ...change }), replace: true, resetScroll: false })
  function toggle(name: string, open: boolean) {
    const before = search.open ?? openAtFirst(services ?? [])
    set({ open: open ? [...before, name] : before.filter(each => each !== name) })
  }
  const instances = services.reduce((sum, each) => sum + each.instances.length, 0)
  return (
    <div className={styles.list}>
      <Filter set={set} search={search} />
      <p className={styles.count} role="status">
        {t('services.count', {
          services: t('mesh.services', { count: services.length }),
          instances: t('mesh.instances', { count: instances }),
        })}
        {signals.error !== undefined && (
          <>
            {' · '}
            <NoFigures />
          </>
        )}
      </p>
      {rows.length > 0 ? (
        <MeshTable
          label={t('services.title')}
          rows={rows}
          signals={signals.value}
          opened={search.instance}
          order={search.order ?? 'name'}
          desc={search.desc ?? false}
          onOrder={(order, desc) => set({ order: order === 'name' ? undefined : order, desc: desc || undefined })}
          onToggle={toggle}
        />
      ) : (
        <div className={styles.frame}>
          {services.length === 0 ? (
            <Empty title={t('mesh.noInstances')} hint={t('mesh.noInstancesHint')} />
          ) : (
            <Empty title={t('services.noneFound')} hint={t('services.noneFoundHint')}>
              <Link to="/services">{t('services.clear')}</Link>
            </Empty>
          )}
        </div>
      )}
    </div>
  )
}

function Filter({ search, set }: { search: ServicesSearch; set: (change: Partial<ServicesSearch>) => void }) {
  const { t } = useTranslation()
  const input = useRef<HTMLInputElement>(null)
  const searchFor = useDebouncedCallback((text: string) => set({ search: text.trim() || undefined }), 150)
  useHotkeys([['/', () => input.current?.focus()]])
  // Back and forward change the URL; what is being typed here is not overwritten by it.
  useEffect(() => {
    if (input.current && document.activeElement !== input.current) input.current.value = search.search ?? ''
  }, [search.search])
  return (
    <div className={styles.filter}>
      <TextInput
        ref={input}
        defaultValue={search.search ?? ''}
        onChange={event => searchFor(event.currentTarget.value)}
        onKeyDown={event => {
          if (event.nativeEvent.isComposing) return
          // From the search into what it has found.
          if (event.key === 'Enter' || event.key === 'ArrowDown') {
            event.preventDefault()
            document.querySelector<HTMLElement>('[role="treegrid"] [role="row"][tabindex="0"]')?.focus()
          }
          if (event.key === 'Escape') event.currentTarget.blur()
        }}
        aria-label={t('services.search')}
        placeholder={t('services.search')}
        leftSection={<IconSearch size={16} />}
        rightSection={<kbd className={styles.key}>/</kbd>}
        maxLength={100}
        flex="1 1 240px"
        maw={360}
      />
      <SegmentedControl
        aria-label={t('services.show')}
        value={search.show ?? 'all'}
        onChange={value => set({ show: shows.find(show => show === value) })}
        data={[
          { value: 'all', label: t('services.shows.all') },
          { value: 'attention', label: t('services.shows.attention') },
          { value: 'drained', label: t('services.shows.drained') },
        ]}
      />
    </div>
  )
}
