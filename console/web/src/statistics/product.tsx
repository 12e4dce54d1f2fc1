/** Product: which events an application tells, how far its users come, and whether they come back. */
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { skipToken, useMutation, useQuery } from '@connectrpc/connect-query'
import { Button, Group, MultiSelect, SegmentedControl, Select, Skeleton, Text } from '@mantine/core'
import { type EventSchema, ProductService } from '@site11/proto/es/site11/statistics/v1/product_service_pb.ts'
import { IconPlus } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { mayCall } from '../api/policy.ts'
import { useSession } from '../api/use-session.ts'
import { dateOf } from '../mesh/state.ts'
import { shareText } from '../signals/format.ts'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Empty } from '../ui/empty.tsx'
import { ProblemInline } from '../ui/problem.tsx'
import { TabLinks } from '../ui/tab-links.tsx'
import { HowMetricsCome, isAbsent, NotRunning } from './absent.tsx'
import { spanOf } from './range.ts'
import { refreshProduct } from './refresh.ts'
import { SchemaForm } from './schema-form.tsx'
import { parts } from './search.ts'
import { SpanBar } from './span-bar.tsx'
import styles from './statistics.module.css'
import { valueText } from './units.ts'
import { useAct } from './use-act.ts'
import { useChoice, useSearch } from './use-search.ts'

const { listEventSchemas, putEventSchema, deleteEventSchema, queryFunnel, queryRetention } = ProductService.method

export function Product() {
  const { t } = useTranslation()
  const { search } = useSearch()
  const part = parts.product.find(name => name === search.part) ?? 'schemas'
  const { data, error, refetch } = useQuery(listEventSchemas, {})
  return (
    <div className={styles.page}>
      <TabLinks
        label={t('statistics.tabs.product')}
        tabs={parts.product.map(name => ({
          key: name,
          label: t(`statistics.product.parts.${name}`),
          active: name === part,
          link: { to: '/statistics', search: { tab: 'product', ...(name !== 'schemas' && { part: name }) } },
        }))}
      />
      {error && !data ? (
        isAbsent(error) ? (
          <NotRunning onRetry={refetch} />
        ) : (
          <ProblemInline error={error} onRetry={refetch} />
        )
      ) : part === 'schemas' ? (
        <Schemas schemas={data?.schemas} />
      ) : part === 'funnel' ? (
        <Funnel events={data?.schemas.map(({ event }) => event) ?? []} />
      ) : (
        <Retention events={data?.schemas.map(({ event }) => event) ?? []} />
      )}
    </div>
  )
}

function Schemas({ schemas }: { schemas: EventSchema[] | undefined }) {
  const { t } = useTranslation()
  const act = useAct(refreshProduct)
  const mayWrite = mayCall(useSession(), putEventSchema)
  const [editing, setEditing] = useState<EventSchema | 'new'>()
  const deleting = useMutation(deleteEventSchema)
  const putting = useMutation(putEventSchema)
  const remove = (schema: EventSchema) =>
    act(() => deleting.mutateAsync({ event: schema.event }), {
      said: t('statistics.product.removed', { event: schema.event }),
      back: () => putting.mutateAsync({ schema }),
    })
  const columns: Column<EventSchema>[] = [
    {
      key: 'event',
      header: t('statistics.product.event'),
      cell: ({ event, description }) => (
        <>
          <Link to="/statistics" search={{ metric: `product.${event}` }} className="mono" data-row>
            {event}
          </Link>
          <div className={styles.hint}>{description}</div>
        </>
      ),
    },
    {
      key: 'properties',
      header: t('statistics.product.properties'),
      cell: ({ properties }) =>
        properties.length > 0 ? <span className="mono">{properties.map(({ name }) => name).join(', ')}</span> : '–',
    },
    ...(mayWrite
      ? [
          {
            key: 'acts',
            header: t('common.actions'),
            quiet: true,
            width: 170,
            cell: (schema: EventSchema) => (
              <Group gap={6} wrap="nowrap">
                <Button size="compact-sm" variant="default" onClick={() => setEditing(schema)}>
                  {t('statistics.product.edit')}
                </Button>
                <Button size="compact-sm" variant="subtle" color="gray" onClick={() => void remove(schema)}>
                  {t('statistics.product.remove')}
                </Button>
              </Group>
            ),
          },
        ]
      : []),
  ]
  return (
    <>
      <Group justify="space-between">
        <Text size="sm" c="dimmed">
          {t('statistics.product.hint')}
        </Text>
        {mayWrite && (
          <Button leftSection={<IconPlus size={16} />} onClick={() => setEditing('new')}>
            {t('statistics.product.declare')}
          </Button>
        )}
      </Group>
      <DataTable
        label={t('statistics.product.parts.schemas')}
        columns={columns}
        rows={schemas}
        rowKey={({ event }) => event}
        empty={
          <div className={styles.inset}>
            <HowMetricsCome />
          </div>
        }
      />
      {editing && <SchemaForm schema={editing === 'new' ? undefined : editing} onClose={() => setEditing(undefined)} />}
    </>
  )
}

const withins = [1, 24, 72, 168, 720]

function Funnel({ events }: { events: string[] }) {
  const { t, i18n } = useTranslation()
  const { search, set } = useSearch()
  const choice = useChoice(search, '7d')
  const chosen = search.events ?? []
  const within = search.within ?? 24
  const request = useMemo(() => {
    const { start, end } = spanOf(choice, Date.now())
    return {
      events: chosen,
      startTime: timestampFromMs(start),
      endTime: timestampFromMs(end),
      within: { seconds: BigInt(within * 3600), nanos: 0 },
    }
  }, [choice, chosen, within])
  const { data, error, refetch } = useQuery(queryFunnel, chosen.length >= 2 ? request : skipToken, { retry: false })
  const first = Number(data?.steps[0]?.subjects ?? 0n)
  return (
    <>
      <div className={styles.fields}>
        <MultiSelect
          flex="1 1 320px"
          label={t('statistics.product.steps')}
          description={t('statistics.product.stepsHint')}
          data={[...new Set([...events, ...chosen])]}
          value={chosen}
          maxValues={10}
          searchable
          onChange={next => set({ events: next })}
        />
        <Select
          w={160}
          label={t('statistics.product.within')}
          allowDeselect={false}
          value={String(within)}
          data={[...new Set([...withins, within])].map(each => ({
            value: String(each),
            label:
              each < 24
                ? t('statistics.silence.hours', { count: each })
                : t('statistics.silence.days', { count: Math.round(each / 24) }),
          }))}
          onChange={next => set({ within: Number(next) })}
        />
      </div>
      <SpanBar usual="7d" still />
      <section className={styles.sheet} aria-label={t('statistics.product.parts.funnel')}>
        {chosen.length < 2 ? (
          <Empty title={t('statistics.product.chooseSteps')} hint={t('statistics.product.chooseStepsHint')} />
        ) : error ? (
          <ProblemInline error={error} onRetry={refetch} />
        ) : !data ? (
          <Skeleton height={180} />
        ) : (
          <ol className={styles.funnel}>
            {data.steps.map(({ event, subjects, median }, place) => {
              const share = first > 0 ? Number(subjects) / first : 0
              const before = Number(data.steps[place - 1]?.subjects ?? 0n)
              const seconds = median ? Number(median.seconds) + median.nanos / 1e9 : 0
              return (
                <li key={event}>
                  <div className={styles.step}>
                    <span className="mono">{event}</span>
                    <b>{new Intl.NumberFormat(i18n.language).format(Number(subjects))}</b>
                    <span className={styles.hint}>
                      {shareText(share, i18n.language)}
                      {place > 0 &&
                        before > 0 &&
                        ` · ${t('statistics.product.ofBefore', { share: shareText(Number(subjects) / before, i18n.language) })}`}
                      {place > 0 &&
                        subjects > 0n &&
                        median &&
                        ` · ${t('statistics.product.median', { time: valueText(seconds, 's', i18n.language) })}`}
                    </span>
                  </div>
                  <div className={styles.bar} aria-hidden="true">
                    <span style={{ width: `${share * 100}%` }} />
                  </div>
                </li>
              )
            })}
          </ol>
        )}
      </section>
    </>
  )
}

function Retention({ events }: { events: string[] }) {
  const { t, i18n } = useTranslation()
  const { search, set } = useSearch()
  const [event] = search.events ?? []
  const weekly = search.period === 'week'
  const { data, error, refetch } = useQuery(
    queryRetention,
    {
      event: event ?? '',
      period: { seconds: BigInt(weekly ? 604_800 : 86_400), nanos: 0 },
      periods: weekly ? 12 : 14,
    },
    { retry: false },
  )
  const cohorts = data?.cohorts.filter(({ subjects }) => Number(subjects[0] ?? 0n) > 0) ?? []
  const wide = Math.max(0, ...cohorts.map(({ subjects }) => subjects.length))
  const day = new Intl.DateTimeFormat(i18n.language, { month: 'short', day: 'numeric', timeZone: 'UTC' })
  return (
    <>
      <Group align="flex-end">
        <Select
          w={240}
          label={t('statistics.product.comes')}
          placeholder={t('statistics.product.anyEvent')}
          clearable
          searchable
          value={event ?? null}
          data={[...new Set([...events, ...(event ? [event] : [])])]}
          onChange={next => set({ events: next ? [next] : undefined })}
        />
        <SegmentedControl
          aria-label={t('statistics.product.period')}
          value={weekly ? 'week' : 'day'}
          onChange={next => set({ period: next === 'week' ? 'week' : undefined })}
          data={(['day', 'week'] as const).map(name => ({
            value: name,
            label: t(`statistics.product.periods.${name}`),
          }))}
        />
      </Group>
      <section
        className={`${styles.sheet} ${styles.rows}`}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
        tabIndex={0}
        aria-label={t('statistics.product.parts.retention')}
      >
        {error ? (
          <ProblemInline error={error} onRetry={refetch} />
        ) : !data ? (
          <Skeleton height={220} />
        ) : cohorts.length === 0 ? (
          <Empty title={t('statistics.product.noCohorts')} hint={t('statistics.product.noCohortsHint')} />
        ) : (
          <table className={styles.retention}>
            <thead>
              <tr>
                <th scope="col">{t('statistics.product.first')}</th>
                <th scope="col" className={styles.value}>
                  {t('statistics.product.subjects')}
                </th>
                {Array.from({ length: Math.max(0, wide - 1) }, (_, at) => at + 1).map(number => (
                  <th key={number} scope="col" className={styles.value}>
                    +{number}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {cohorts.map(({ startTime, subjects }) => {
                const all = Number(subjects[0] ?? 0n)
                const start = dateOf(startTime)
                return (
                  <tr key={String(startTime?.seconds)}>
                    <th scope="row">{start ? day.format(start) : '–'}</th>
                    <td className={styles.value}>{all}</td>
                    {subjects.slice(1).map((count, at) => {
                      const share = Number(count) / all
                      return (
                        <td
                          // biome-ignore lint/suspicious/noArrayIndexKey: a period has nothing but its place
                          key={at}
                          className={styles.value}
                          title={t('statistics.product.cameBack', { count: Number(count) })}
                          style={{
                            background: `color-mix(in srgb, var(--mantine-color-ink-5) ${Math.round(share * 45)}%, transparent)`,
                          }}
                        >
                          {shareText(share, i18n.language)}
                        </td>
                      )
                    })}
                  </tr>
                )
              })}
            </tbody>
          </table>
        )}
      </section>
    </>
  )
}
