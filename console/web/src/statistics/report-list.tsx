/** Reports that were asked for: how far each is, and its files. */
import { callUnaryMethod, useQuery } from '@connectrpc/connect-query'
import { Button, Group } from '@mantine/core'
import {
  type Report,
  type ReportFile,
  ReportState,
  ReportsService,
} from '@site11/proto/es/site11/statistics/v1/reports_service_pb.ts'
import { IconDownload } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
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
import { StateMark } from '../ui/state.tsx'
import { Ago } from '../ui/time.tsx'
import { toastProblem } from '../ui/toasts.tsx'
import { isAbsent, NotRunning } from './absent.tsx'
import { boardTitle } from './built-in.ts'
import { refreshReports } from './refresh.ts'
import { saveFile } from './save-file.ts'
import type { StatisticsSearch } from './search.ts'
import styles from './statistics.module.css'
import { valueText } from './units.ts'
import { useAct } from './use-act.ts'

const { listReports, createReport, deleteReport, downloadReport } = ReportsService.method
const marks: Readonly<Record<number, readonly [StateName, 'queued' | 'running' | 'done' | 'failed']>> = {
  [ReportState.QUEUED]: ['unknown', 'queued'],
  [ReportState.RUNNING]: ['starting', 'running'],
  [ReportState.DONE]: ['healthy', 'done'],
  [ReportState.FAILED]: ['failing', 'failed'],
}
const isOnItsWay = ({ state }: Report) => state === ReportState.QUEUED || state === ReportState.RUNNING

/** The dashboard that a report is of, over its span. */
const boardOf = ({ dashboard, startTime, endTime }: Report): StatisticsSearch => {
  const [from, to] = [dateOf(startTime)?.getTime(), dateOf(endTime)?.getTime()]
  return { tab: 'dashboards', id: dashboard, ...(from && to && { from, to }) }
}

export function ReportList() {
  const { t, i18n } = useTranslation()
  const act = useAct(refreshReports)
  const mayWrite = mayCall(useSession(), deleteReport)
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
  /** Taking it back has it made again, of the same span. */
  function remove({ id, title, dashboard, startTime, endTime, formats, language, timeZone, variables }: Report) {
    const span = { ...(startTime && { startTime }), ...(endTime && { endTime }) }
    return act(() => callUnaryMethod(transport, deleteReport, { id }), {
      said: t('statistics.dashboard.deleted', { title }),
      back: () =>
        callUnaryMethod(transport, createReport, { dashboard, ...span, formats, language, timeZone, variables }),
    })
  }
  const titleOf = ({ dashboard, title }: Report) => boardTitle(dashboard, title, t)
  const columns: Column<Report>[] = [
    {
      key: 'title',
      header: t('statistics.report.one'),
      cell: report => (
        <>
          <Link to="/statistics" search={boardOf(report)} data-row>
            {titleOf(report)}
          </Link>
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
            cell: (report: Report) => (
              <Button
                size="compact-sm"
                variant="subtle"
                color="gray"
                aria-label={t('statistics.report.deleteOne', { title: titleOf(report) })}
                onClick={() => void remove(report)}
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
      aria-label={t('statistics.report.download', { name: `${boardTitle(report.dashboard, report.title, t)} ${name}` })}
      onClick={() => void get()}
    >
      {name}
    </Button>
  )
}
