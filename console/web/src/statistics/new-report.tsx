/** A report asked for, now or on schedule. */
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { useMutation, useQuery } from '@connectrpc/connect-query'
import { Button, Checkbox, Group, Select, Stack, Text } from '@mantine/core'
import { DashboardsService } from '@site11/proto/es/site11/statistics/v1/dashboards_service_pb.ts'
import {
  ReportFormat,
  ReportFrequency,
  ReportsService,
} from '@site11/proto/es/site11/statistics/v1/reports_service_pb.ts'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ProblemInline } from '../ui/problem.tsx'
import { SideDrawer } from '../ui/side-drawer.tsx'
import { dashboardInWords } from './built-in.ts'
import { type RangeName, rangeNames, ranges } from './range.ts'
import { refreshReports as refresh } from './refresh.ts'
import { frequencies } from './report-schedules.tsx'

const { createReport, createReportSchedule } = ReportsService.method
const formats = ['csv', 'html', 'pdf'] as const
const formatOf = { csv: ReportFormat.CSV, html: ReportFormat.HTML, pdf: ReportFormat.PDF } as const
const frequencyOf = {
  daily: ReportFrequency.DAILY,
  weekly: ReportFrequency.WEEKLY,
  monthly: ReportFrequency.MONTHLY,
} as const

interface NewReportProps {
  scheduled: boolean
  /** The id of the dashboard that it is of at first. */
  board: string
  onClose: () => void
}

export function NewReport({ scheduled, board, onClose }: NewReportProps) {
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
            openOnFocus={false}
            allowDeselect={false}
            value={dashboard}
            data={(boards.data?.dashboards ?? []).map(each => ({
              value: each.id,
              label: dashboardInWords(each, t).title,
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
