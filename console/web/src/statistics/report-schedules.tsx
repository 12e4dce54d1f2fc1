/** When reports are made by themselves. */
import { callUnaryMethod, useQuery } from '@connectrpc/connect-query'
import { Button, Group } from '@mantine/core'
import { DashboardsService } from '@site11/proto/es/site11/statistics/v1/dashboards_service_pb.ts'
import { type ReportSchedule, ReportsService } from '@site11/proto/es/site11/statistics/v1/reports_service_pb.ts'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { transport } from '../api/client.ts'
import { mayCall } from '../api/policy.ts'
import { useSession } from '../api/use-session.ts'
import { dateOf } from '../mesh/state.ts'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Empty } from '../ui/empty.tsx'
import { ProblemInline } from '../ui/problem.tsx'
import { StateMark } from '../ui/state.tsx'
import { Ago } from '../ui/time.tsx'
import { isAbsent, NotRunning } from './absent.tsx'
import { dashboardInWords } from './built-in.ts'
import { refreshReports } from './refresh.ts'
import styles from './statistics.module.css'
import { useAct } from './use-act.ts'

const { listReportSchedules, createReportSchedule, updateReportSchedule, deleteReportSchedule } = ReportsService.method
export const frequencies = ['daily', 'weekly', 'monthly'] as const

export function ReportSchedules() {
  const { t } = useTranslation()
  const act = useAct(refreshReports)
  const mayWrite = mayCall(useSession(), createReportSchedule)
  const { data, error, refetch } = useQuery(listReportSchedules, { pageSize: 200 })
  const boards = useQuery(DashboardsService.method.listDashboards, { pageSize: 200 }, { staleTime: 60_000 })
  if (error && !data) {
    return isAbsent(error) ? <NotRunning onRetry={refetch} /> : <ProblemInline error={error} onRetry={refetch} />
  }
  const setPaused = ({ id }: ReportSchedule, paused: boolean) =>
    callUnaryMethod(transport, updateReportSchedule, {
      reportSchedule: { id, paused },
      updateMask: { paths: ['paused'] },
    })
  const titleOf = (dashboard: string) => {
    const found = boards.data?.dashboards.find(({ id }) => id === dashboard)
    return found ? dashboardInWords(found, t).title : dashboard
  }
  function remove(schedule: ReportSchedule) {
    const { dashboard, frequency, timeOfDay, timeZone, language, formats, variables, keep, paused } = schedule
    const reportSchedule = {
      ...{ dashboard, frequency, timeOfDay, timeZone, language, formats, variables, paused },
      ...(keep && { keep }),
    }
    return act(() => callUnaryMethod(transport, deleteReportSchedule, { id: schedule.id, etag: schedule.etag }), {
      said: t('statistics.report.unscheduled', { title: titleOf(dashboard) }),
      back: () => callUnaryMethod(transport, createReportSchedule, { reportSchedule }),
    })
  }
  const columns: Column<ReportSchedule>[] = [
    {
      key: 'board',
      header: t('statistics.report.board'),
      cell: ({ dashboard, failure, frequency, timeOfDay, timeZone }) => (
        <>
          <Link to="/statistics" search={{ tab: 'dashboards', id: dashboard }} data-row>
            {titleOf(dashboard)}
          </Link>
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
            cell: (schedule: ReportSchedule) => (
              <Group gap={6} wrap="nowrap">
                <Button
                  size="compact-sm"
                  variant="default"
                  onClick={() => void act(() => setPaused(schedule, !schedule.paused))}
                >
                  {t(schedule.paused ? 'statistics.report.resume' : 'statistics.report.pause')}
                </Button>
                <Button size="compact-sm" variant="subtle" color="gray" onClick={() => void remove(schedule)}>
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
