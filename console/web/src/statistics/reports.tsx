/** Reports: asked for now or on schedule, with how far each is, and its files. */
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { callUnaryMethod, useMutation, useQuery } from '@connectrpc/connect-query'
import { Button, Checkbox, Group, Select, Stack, Text } from '@mantine/core'
import { type Dashboard, DashboardsService } from '@site11/proto/es/site11/statistics/v1/dashboards_service_pb.ts'
import {
  type Report,
  type ReportFile,
  ReportFormat,
  ReportFrequency,
  type ReportSchedule,
  ReportState,
  ReportsService,
} from '@site11/proto/es/site11/statistics/v1/reports_service_pb.ts'
import { IconDownload, IconPlus } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { transport } from '../api/client.ts'
import { mayCall } from '../api/policy.ts'
import { useSession } from '../api/use-session.ts'
import { dateOf, type StateName } from '../mesh/state.ts'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Empty } from '../ui/empty.tsx'
import { moment } from '../ui/format.ts'
import { ProblemInline } from '../ui/problem.tsx'
import { SideDrawer } from '../ui/side-drawer.tsx'
import { StateMark } from '../ui/state.tsx'
import { TabLinks } from '../ui/tab-links.tsx'
import { Ago } from '../ui/time.tsx'
import { toastProblem } from '../ui/toasts.tsx'
import { isAbsent, NotRunning } from './absent.tsx'
import { type RangeName, rangeNames, ranges } from './range.ts'
import { refreshReports as refresh } from './refresh.ts'
import { saveFile } from './save-file.ts'
import { parts } from './search.ts'
import styles from './statistics.module.css'
import { valueText } from './units.ts'
import { useSearch } from './use-search.ts'

const { listReports, createReport, deleteReport, downloadReport } = ReportsService.method
const { listReportSchedules, createReportSchedule, updateReportSchedule, deleteReportSchedule } = ReportsService.method
const formats = ['csv', 'html', 'pdf'] as const
const formatOf = { csv: ReportFormat.CSV, html: ReportFormat.HTML, pdf: ReportFormat.PDF } as const
const frequencies = ['daily', 'weekly', 'monthly'] as const
const frequencyOf = {
  daily: ReportFrequency.DAILY,
  weekly: ReportFrequency.WEEKLY,
  monthly: ReportFrequency.MONTHLY,
} as const

export function Reports() {
  const { t } = useTranslation()
  const { search, set } = useSearch()
  const part = parts.reports.find(name => name === search.part) ?? 'made'
  const mayWrite = mayCall(useSession(), createReport)
  return (
    <div className={styles.page}>
      <Group justify="space-between" align="flex-end">
        <TabLinks
          label={t('statistics.tabs.reports')}
          tabs={parts.reports.map(name => ({
            key: name,
            label: t(`statistics.report.parts.${name}`),
            active: name === part,
            link: { to: '/statistics', search: { tab: 'reports', ...(name !== 'made' && { part: name }) } },
          }))}
        />
        {mayWrite && (
          <Button leftSection={<IconPlus size={16} />} onClick={() => set({ id: 'new' }, true)}>
            {t(part === 'made' ? 'statistics.report.create' : 'statistics.report.createSchedule')}
          </Button>
        )}
      </Group>
      {part === 'made' ? <Made /> : <Schedules />}
      {mayWrite && search.id?.startsWith('new') && (
        <NewReport scheduled={part === 'schedules'} board={search.id.slice(4)} onClose={() => set({ id: undefined })} />
      )}
    </div>
  )
}

const marks: Readonly<Record<number, readonly [StateName, 'queued' | 'running' | 'done' | 'failed']>> = {
  [ReportState.QUEUED]: ['unknown', 'queued'],
  [ReportState.RUNNING]: ['starting', 'running'],
  [ReportState.DONE]: ['healthy', 'done'],
  [ReportState.FAILED]: ['failing', 'failed'],
}
const isOnItsWay = ({ state }: Report) => state === ReportState.QUEUED || state === ReportState.RUNNING

function Made() {
  const { t, i18n } = useTranslation()
  const client = useQueryClient()
  const mayWrite = mayCall(useSession(), deleteReport)
  const deleting = useMutation(deleteReport)
  const { data, error, refetch } = useQuery(
    listReports,
    { pageSize: 100 },
    { refetchInterval: ({ state }) => (state.data?.reports.some(isOnItsWay) ? 1_000 : 15_000) },
  )
  if (error && !data) {
    return isAbsent(error) ? <NotRunning onRetry={refetch} /> : <ProblemInline error={error} onRetry={refetch} />
  }
  const span = (report: Report) => {
    const [start, end] = [dateOf(report.startTime), dateOf(report.endTime)]
    return start && end && `${moment(start, i18n.language)} – ${moment(end, i18n.language)}`
  }
  const columns: Column<Report>[] = [
    {
      key: 'title',
      header: t('statistics.report.one'),
      cell: report => (
        <>
          {report.title}
          <div className={styles.hint}>{span(report)}</div>
        </>
      ),
    },
    {
      key: 'state',
      header: t('statistics.alert.state'),
      width: 220,
      cell: ({ state, failure, failureReason }) => {
        const [mark, word] = marks[state] ?? ['unknown', 'queued']
        return (
          <>
            <StateMark name={mark} label={t(`statistics.report.states.${word}`)} />
            {failure && (
              <div className={styles.hint}>
                {failure} <span className="mono">{failureReason}</span>
              </div>
            )}
          </>
        )
      },
    },
    {
      key: 'files',
      header: t('statistics.report.files'),
      width: 250,
      cell: report => (
        <Group gap={6}>
          {report.files.map(file => (
            <Download key={file.file} report={report} file={file} />
          ))}
        </Group>
      ),
    },
    {
      key: 'time',
      header: t('statistics.report.asked'),
      width: 120,
      cell: ({ createTime }) => {
        const date = dateOf(createTime)
        return date ? <Ago date={date} /> : '–'
      },
    },
    ...(mayWrite
      ? [
          {
            key: 'delete',
            header: t('common.actions'),
            quiet: true,
            width: 90,
            cell: ({ id, title }: Report) => (
              <Button
                size="compact-sm"
                variant="subtle"
                color="gray"
                aria-label={t('statistics.report.deleteOne', { title })}
                onClick={() =>
                  void deleting
                    .mutateAsync({ id })
                    .then(() => refresh(client))
                    .catch(toastProblem)
                }
              >
                {t('statistics.report.delete')}
              </Button>
            ),
          },
        ]
      : []),
  ]
  return (
    <DataTable
      label={t('statistics.report.parts.made')}
      columns={columns}
      rows={data?.reports}
      rowKey={({ id }) => id}
      empty={<Empty title={t('statistics.report.none')} hint={t('statistics.report.noneHint')} />}
    />
  )
}

function Download({ report, file }: { report: Report; file: ReportFile }) {
  const { t, i18n } = useTranslation()
  const [busy, setBusy] = useState(false)
  const name = file.file.split('.').at(-1)?.toUpperCase() ?? file.file
  async function get() {
    setBusy(true)
    try {
      const found = await callUnaryMethod(transport, downloadReport, { id: report.id, file: file.file })
      const bytes = found.body?.data ?? new Uint8Array()
      saveFile(found.name || file.file, new Uint8Array(bytes), found.body?.contentType ?? '')
    } catch (error) {
      await toastProblem(error)
    } finally {
      setBusy(false)
    }
  }
  return (
    <Button
      size="compact-sm"
      variant="default"
      loading={busy}
      leftSection={<IconDownload size={14} />}
      title={valueText(Number(file.bytes), 'By', i18n.language)}
      aria-label={t('statistics.report.download', { name: `${report.title} ${name}` })}
      onClick={() => void get()}
    >
      {name}
    </Button>
  )
}

function Schedules() {
  const { t } = useTranslation()
  const client = useQueryClient()
  const mayWrite = mayCall(useSession(), createReportSchedule)
  const { data, error, refetch } = useQuery(listReportSchedules, { pageSize: 200 })
  const boards = useQuery(DashboardsService.method.listDashboards, { pageSize: 200 }, { staleTime: 60_000 })
  if (error && !data) {
    return isAbsent(error) ? <NotRunning onRetry={refetch} /> : <ProblemInline error={error} onRetry={refetch} />
  }
  const doing = async (work: Promise<unknown>) => {
    try {
      await work
      await refresh(client)
    } catch (thrown) {
      await toastProblem(thrown)
    }
  }
  const columns: Column<ReportSchedule>[] = [
    {
      key: 'board',
      header: t('statistics.report.board'),
      cell: ({ dashboard, failure, frequency, timeOfDay, timeZone }) => (
        <>
          {boards.data?.dashboards.find(({ id }) => id === dashboard)?.title ?? dashboard}
          <div className={styles.hint}>
            {t(`statistics.report.frequency.${frequencies[frequency - 1] ?? 'daily'}`)} · {timeOfDay || '06:00'}{' '}
            {timeZone || 'UTC'}
          </div>
          {failure && <StateMark name="failing" label={failure} />}
        </>
      ),
    },
    {
      key: 'next',
      header: t('statistics.report.next'),
      width: 170,
      cell: ({ nextTime, paused }) => {
        const date = dateOf(nextTime)
        if (paused) return <StateMark name="draining" label={t('statistics.alert.states.paused')} />
        return date ? <Ago date={date} /> : '–'
      },
    },
    ...(mayWrite
      ? [
          {
            key: 'acts',
            header: t('common.actions'),
            quiet: true,
            width: 190,
            cell: ({ id, paused, etag }: ReportSchedule) => (
              <Group gap={6} wrap="nowrap">
                <Button
                  size="compact-sm"
                  variant="default"
                  onClick={() =>
                    void doing(
                      callUnaryMethod(transport, updateReportSchedule, {
                        reportSchedule: { id, paused: !paused },
                        updateMask: { paths: ['paused'] },
                      }),
                    )
                  }
                >
                  {t(paused ? 'statistics.report.resume' : 'statistics.report.pause')}
                </Button>
                <Button
                  size="compact-sm"
                  variant="subtle"
                  color="gray"
                  onClick={() => void doing(callUnaryMethod(transport, deleteReportSchedule, { id, etag }))}
                >
                  {t('statistics.report.delete')}
                </Button>
              </Group>
            ),
          },
        ]
      : []),
  ]
  return (
    <DataTable
      label={t('statistics.report.parts.schedules')}
      columns={columns}
      rows={data?.reportSchedules}
      rowKey={({ id }) => id}
      empty={<Empty title={t('statistics.report.noSchedule')} hint={t('statistics.report.noScheduleHint')} />}
    />
  )
}

interface NewReportProps {
  scheduled: boolean
  /** The id of the dashboard that it is of at first. */
  board: string
  onClose: () => void
}

function NewReport({ scheduled, board, onClose }: NewReportProps) {
  const { t, i18n } = useTranslation()
  const client = useQueryClient()
  const boards = useQuery(DashboardsService.method.listDashboards, { pageSize: 200 }, { staleTime: 60_000 })
  const [dashboard, setDashboard] = useState(board || 'platform')
  const [range, setRange] = useState<RangeName>('24h')
  const [frequency, setFrequency] = useState<(typeof frequencies)[number]>('weekly')
  const [time, setTime] = useState('06:00')
  const [language, setLanguage] = useState<string>(i18n.language === 'ko' ? 'ko' : 'en')
  const [files, setFiles] = useState<string[]>(scheduled ? ['pdf'] : [...formats])
  const [requestId] = useState(() => crypto.randomUUID?.() ?? '')
  const creating = useMutation(createReport)
  const scheduling = useMutation(createReportSchedule)
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions()
  const wanted = formats.filter(name => files.includes(name)).map(name => formatOf[name])
  async function send() {
    const shared = { dashboard, language, timeZone, formats: wanted }
    if (scheduled) {
      const reportSchedule = { ...shared, frequency: frequencyOf[frequency], timeOfDay: time }
      await scheduling.mutateAsync({ reportSchedule, requestId })
    } else {
      const end = Date.now()
      const [startTime, endTime] = [timestampFromMs(end - ranges[range]), timestampFromMs(end)]
      await creating.mutateAsync({ ...shared, startTime, endTime, requestId })
    }
    onClose()
    await refresh(client)
  }
  const failure = creating.error ?? scheduling.error
  const title = t(scheduled ? 'statistics.report.createSchedule' : 'statistics.report.create')
  return (
    <SideDrawer opened onClose={onClose} title={title}>
      <form
        onSubmit={event => {
          event.preventDefault()
          // What went wrong stands in the form.
          send().catch(() => undefined)
        }}
      >
        <Stack gap="md">
          <Select
            label={t('statistics.report.board')}
            searchable
            allowDeselect={false}
            value={dashboard}
            data={(boards.data?.dashboards ?? ([] as Dashboard[])).map(({ id, title }) => ({
              value: id,
              label: title,
            }))}
            onChange={next => setDashboard(next ?? dashboard)}
            data-autofocus
          />
          {scheduled ? (
            <Group grow>
              <Select
                label={t('statistics.report.often')}
                allowDeselect={false}
                value={frequency}
                data={frequencies.map(name => ({ value: name, label: t(`statistics.report.frequency.${name}`) }))}
                onChange={next => setFrequency(frequencies.find(name => name === next) ?? 'weekly')}
              />
              <Select
                label={t('statistics.report.time', { zone: timeZone })}
                allowDeselect={false}
                value={time}
                data={Array.from({ length: 24 }, (_, hour) => `${String(hour).padStart(2, '0')}:00`)}
                onChange={next => setTime(next ?? time)}
              />
            </Group>
          ) : (
            <Select
              label={t('statistics.range.label')}
              allowDeselect={false}
              value={range}
              data={rangeNames.map(name => ({ value: name, label: t(`statistics.report.last.${name}`) }))}
              onChange={next => setRange(rangeNames.find(name => name === next) ?? '24h')}
            />
          )}
          <Select
            label={t('nav.language')}
            allowDeselect={false}
            value={language}
            data={[
              { value: 'en', label: 'English' },
              { value: 'ko', label: '한국어' },
            ]}
            onChange={next => setLanguage(next ?? 'en')}
          />
          <Checkbox.Group label={t('statistics.report.files')} value={files} onChange={setFiles}>
            <Group mt={6}>
              {formats.map(name => (
                <Checkbox key={name} value={name} label={name.toUpperCase()} />
              ))}
            </Group>
          </Checkbox.Group>
          <Text size="xs" c="dimmed">
            {t('statistics.report.keepHint')}
          </Text>
          {failure && <ProblemInline error={failure} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t('common.cancel')}
            </Button>
            <Button type="submit" loading={creating.isPending || scheduling.isPending} disabled={wanted.length === 0}>
              {title}
            </Button>
          </Group>
        </Stack>
      </form>
    </SideDrawer>
  )
}
