/** Silences: which alerts are not told of, until when, and why. */
import { create } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { callUnaryMethod, useMutation, useQuery } from '@connectrpc/connect-query'
import { ActionIcon, Button, Group, Select, Stack, Text, TextInput } from '@mantine/core'
import {
  AlertMatcherSchema,
  type AlertSilence,
  AlertsService,
} from '@site11/proto/es/site11/statistics/v1/alerts_service_pb.ts'
import { IconPlus, IconTrash } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { transport } from '../api/client.ts'
import { mayCall } from '../api/policy.ts'
import { useSession } from '../api/use-session.ts'
import { dateOf } from '../mesh/state.ts'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Empty } from '../ui/empty.tsx'
import { ProblemInline } from '../ui/problem.tsx'
import { SideDrawer } from '../ui/side-drawer.tsx'
import { StateMark } from '../ui/state.tsx'
import { Ago } from '../ui/time.tsx'
import { refreshAlerts } from './refresh.ts'
import styles from './statistics.module.css'
import { useAct } from './use-act.ts'
import { useSearch } from './use-search.ts'

const { listAlertSilences, createAlertSilence, endAlertSilence } = AlertsService.method

export function Silences() {
  const { t } = useTranslation()
  const act = useAct(refreshAlerts)
  const { search, set } = useSearch()
  const mayWrite = mayCall(useSession(), createAlertSilence)
  const { data, error, refetch } = useQuery(listAlertSilences, { pageSize: 100 }, { refetchInterval: 30_000 })
  if (error && !data) return <ProblemInline error={error} onRetry={refetch} />
  const end = ({ id, matchers, reason, until }: AlertSilence) =>
    act(() => callUnaryMethod(transport, endAlertSilence, { id }), {
      said: t('statistics.silence.ended'),
      back: () =>
        callUnaryMethod(transport, createAlertSilence, { alertSilence: { matchers, reason, ...(until && { until }) } }),
    })
  const columns: Column<AlertSilence>[] = [
    {
      key: 'what',
      header: t('statistics.silence.what'),
      cell: ({ matchers, reason }) => (
        <>
          <span className="mono">{matchers.map(({ label, value }) => `${label}=${value}`).join(', ')}</span>
          <div className={styles.hint}>{reason}</div>
        </>
      ),
    },
    {
      key: 'state',
      header: t('statistics.alert.state'),
      width: 150,
      cell: ({ active }) => (
        <StateMark
          name={active ? 'draining' : 'unknown'}
          label={t(active ? 'statistics.silence.active' : 'statistics.silence.over')}
        />
      ),
    },
    {
      key: 'until',
      header: t('statistics.silence.until'),
      width: 140,
      cell: ({ until }) => {
        const date = dateOf(until)
        return date ? <Ago date={date} /> : '–'
      },
    },
    ...(mayWrite
      ? [
          {
            key: 'end',
            header: t('common.actions'),
            quiet: true,
            width: 110,
            cell: (silence: AlertSilence) =>
              silence.active && (
                <Button size="compact-sm" variant="default" onClick={() => void end(silence)}>
                  {t('statistics.silence.end')}
                </Button>
              ),
          },
        ]
      : []),
  ]
  return (
    <>
      <Group justify="space-between">
        <Text size="sm" c="dimmed">
          {t('statistics.silence.hint')}
        </Text>
        {mayWrite && (
          <Button leftSection={<IconPlus size={16} />} onClick={() => set({ id: 'new' }, true)}>
            {t('statistics.silence.create')}
          </Button>
        )}
      </Group>
      <DataTable
        label={t('statistics.alert.parts.silences')}
        columns={columns}
        rows={data?.alertSilences}
        rowKey={({ id }) => id}
        empty={<Empty title={t('statistics.silence.none')} hint={t('statistics.silence.noneHint')} />}
      />
      {search.id?.startsWith('new') && <NewSilence rule={search.id.slice(4)} onClose={() => set({ id: undefined })} />}
    </>
  )
}

const hours = [1, 4, 8, 24, 72, 168] as const

function NewSilence({ rule, onClose }: { rule: string; onClose: () => void }) {
  const { t } = useTranslation()
  const client = useQueryClient()
  const creating = useMutation(createAlertSilence)
  const [matchers, setMatchers] = useState([rule ? { label: 'rule', value: rule } : { label: 'service', value: '' }])
  const [reason, setReason] = useState('')
  const [length, setLength] = useState<number>(1)
  const change = (place: number, part: { label?: string; value?: string }) =>
    setMatchers(matchers.map((each, at) => (at === place ? { ...each, ...part } : each)))
  async function send() {
    await creating.mutateAsync({
      alertSilence: {
        matchers: matchers.map(each => create(AlertMatcherSchema, each)),
        reason: reason.trim(),
        until: timestampFromMs(Date.now() + length * 3_600_000),
      },
    })
    await refreshAlerts(client)
    onClose()
  }
  return (
    <SideDrawer opened onClose={onClose} title={t('statistics.silence.create')}>
      <form
        onSubmit={event => {
          event.preventDefault()
          // What went wrong stands in the form.
          send().catch(() => undefined)
        }}
      >
        <Stack gap="md">
          <fieldset className={styles.fieldset}>
            <legend>{t('statistics.silence.which')}</legend>
            <Stack gap="xs">
              {matchers.map(({ label, value }, place) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: matchers have nothing but their place
                <Group key={place} gap="xs" wrap="nowrap">
                  <TextInput
                    w={130}
                    aria-label={t('statistics.filter.label')}
                    value={label}
                    classNames={{ input: 'mono' }}
                    onChange={event => change(place, { label: event.currentTarget.value })}
                  />
                  <TextInput
                    flex={1}
                    aria-label={t('statistics.filter.value')}
                    placeholder="users"
                    value={value}
                    classNames={{ input: 'mono' }}
                    onChange={event => change(place, { value: event.currentTarget.value })}
                  />
                  {matchers.length > 1 && (
                    <ActionIcon
                      variant="default"
                      size={36}
                      aria-label={t('statistics.filter.remove', { what: label })}
                      onClick={() => setMatchers(matchers.filter((_, at) => at !== place))}
                    >
                      <IconTrash size={15} />
                    </ActionIcon>
                  )}
                </Group>
              ))}
              <Text size="xs" c="dimmed">
                {t('statistics.silence.valueHint')}
              </Text>
              {matchers.length < 8 && (
                <Button
                  size="compact-sm"
                  variant="default"
                  style={{ alignSelf: 'flex-start' }}
                  leftSection={<IconPlus size={14} />}
                  onClick={() => setMatchers([...matchers, { label: '', value: '' }])}
                >
                  {t('statistics.silence.addMatcher')}
                </Button>
              )}
            </Stack>
          </fieldset>
          <Select
            label={t('statistics.silence.length')}
            allowDeselect={false}
            value={String(length)}
            data={hours.map(each => ({
              value: String(each),
              label:
                each < 24
                  ? t('statistics.silence.hours', { count: each })
                  : t('statistics.silence.days', { count: each / 24 }),
            }))}
            onChange={next => setLength(Number(next))}
          />
          <TextInput
            label={t('statistics.silence.reason')}
            value={reason}
            maxLength={500}
            required
            data-autofocus
            onChange={event => setReason(event.currentTarget.value)}
          />
          {creating.error && <ProblemInline error={creating.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t('common.cancel')}
            </Button>
            <Button
              type="submit"
              loading={creating.isPending}
              disabled={!reason.trim() || matchers.some(({ label }) => !label)}
            >
              {t('statistics.silence.create')}
            </Button>
          </Group>
        </Stack>
      </form>
    </SideDrawer>
  )
}
