/** Every route, with where it comes from in the contract. */
import { useQuery } from '@connectrpc/connect-query'
import { Group, Select, Switch, Text, TextInput } from '@mantine/core'
import { useDebouncedCallback } from '@mantine/hooks'
import { DiagnosticsService, type Route } from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import { IconSearch } from '@tabler/icons-react'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { useSlash } from '../palette/use-keys.ts'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Empty } from '../ui/empty.tsx'
import { ProblemInline } from '../ui/problem.tsx'
import { useRowFocus } from '../ui/row-keys.ts'
import { accessOf, limitText, methodName, msOf, routesLike, spanText } from './facts.ts'
import styles from './gateway.module.css'
import type { GatewaySearch } from './search.ts'

const route = getRouteApi('/app/gateway')

export function Routes() {
  const { t, i18n } = useTranslation()
  const { language } = i18n
  const search = route.useSearch()
  const list = useRef<HTMLDivElement>(null)
  useRowFocus(list)
  const { data, error, refetch } = useQuery(DiagnosticsService.method.listRoutes, {}, { staleTime: 30_000 })
  if (error && !data) return <ProblemInline error={error} onRetry={refetch} />
  const columns: Column<Route>[] = [
    {
      key: 'method',
      header: t('gateway.method'),
      cell: ({ path, file, serverStreaming, clientStreaming }) => (
        <div>
          <Link
            to={'/explorer' as string}
            search={{ method: path.slice(1) } as object}
            className={`${styles.method} mono`}
            data-row
            title={path}
          >
            {methodName(path)}
          </Link>
          {(serverStreaming || clientStreaming) && <span className={styles.tag}>{t('gateway.stream')}</span>}
          <div className={styles.file}>{file}</div>
        </div>
      ),
    },
    {
      key: 'rest',
      header: 'REST',
      cell: ({ bindings }) =>
        bindings.length === 0 ? (
          <Text size="xs" c="dimmed">
            {t('gateway.noRest')}
          </Text>
        ) : (
          bindings.map(({ verb, path }) => (
            <div key={verb + path} className={`${styles.binding} mono`}>
              <b>{verb}</b> {path}
            </div>
          ))
        ),
    },
    {
      key: 'access',
      header: t('gateway.access'),
      width: 150,
      cell: ({ policy }) => {
        const access = accessOf(policy)
        return (
          <div>
            {'scope' in access ? <span className="mono">{access.scope}</span> : t(`gateway.${access.word}`)}
            {policy && policy.callers.length > 0 && (
              <div className={styles.file}>{t('gateway.callers', { names: policy.callers.join(', ') })}</div>
            )}
          </div>
        )
      },
    },
    {
      key: 'timeout',
      header: t('gateway.timeout'),
      width: 84,
      cell: ({ policy }) => {
        const ms = msOf(policy?.timeout)
        return ms > 0 ? (
          spanText(ms, language)
        ) : (
          <Text size="sm" c="dimmed">
            {t('gateway.none')}
          </Text>
        )
      },
    },
    {
      key: 'retry',
      header: t('gateway.retry'),
      width: 104,
      cell: ({ policy }) =>
        policy?.retry ? (
          <div>
            {policy.retry.attempts}×
            {policy.retry.requiresRequestId && <div className={styles.file}>{t('gateway.withId')}</div>}
          </div>
        ) : (
          <Text size="sm" c="dimmed">
            {t('gateway.none')}
          </Text>
        ),
    },
    {
      key: 'limit',
      header: t('gateway.limit'),
      width: 116,
      cell: ({ policy }) =>
        policy?.rateLimit ? (
          limitText(policy.rateLimit, language)
        ) : (
          <Text size="sm" c="dimmed">
            {t('gateway.none')}
          </Text>
        ),
    },
  ]
  const rows = data && routesLike(data.routes, search)
  const services = [...new Set(data?.routes.map(({ service }) => service))].sort()
  return (
    <div ref={list} className={styles.page}>
      <Filter services={services} count={rows && `${rows.length} / ${data.routes.length}`} />
      <DataTable
        label={t('gateway.tabs.routes')}
        columns={columns}
        rows={rows}
        rowKey={({ path }) => path}
        empty={
          <Empty title={t('gateway.noRoutes')} hint={t('gateway.noRoutesHint')}>
            <Link to="/gateway">{t('gateway.clear')}</Link>
          </Empty>
        }
      />
      <Text size="xs" c="dimmed">
        {t('gateway.limitsHint')}
      </Text>
    </div>
  )
}

function Filter({ services, count }: { services: string[]; count: string | undefined }) {
  const { t } = useTranslation()
  const navigate = route.useNavigate()
  const { search, service, limited } = route.useSearch()
  const input = useRef<HTMLInputElement>(null)
  useSlash(input)
  const set = (change: { [K in keyof GatewaySearch]: GatewaySearch[K] | undefined }) =>
    navigate({ search: previous => ({ ...previous, ...change }) as GatewaySearch, replace: true, resetScroll: false })
  const searchFor = useDebouncedCallback((text: string) => set({ search: text.trim() || undefined }), 150)
  useEffect(() => {
    if (input.current && document.activeElement !== input.current) input.current.value = search ?? ''
  }, [search])
  return (
    <Group gap="sm">
      <TextInput
        ref={input}
        defaultValue={search ?? ''}
        onChange={event => searchFor(event.currentTarget.value)}
        aria-label={t('gateway.search')}
        placeholder={t('gateway.search')}
        leftSection={<IconSearch size={16} />}
        maxLength={100}
        flex="1 1 240px"
        maw={360}
      />
      <Select
        aria-label={t('gateway.service')}
        placeholder={t('gateway.allServices')}
        clearable
        w={160}
        value={service ?? null}
        onChange={value => set({ service: value ?? undefined })}
        data={services}
      />
      <Switch
        label={t('gateway.limited')}
        checked={limited ?? false}
        onChange={event => set({ limited: event.currentTarget.checked || undefined })}
      />
      <Text c="dimmed" size="sm" ml="auto" className={styles.count} role="status">
        {count}
      </Text>
    </Group>
  )
}
