/** Reports: asked for now or on schedule, with how far each is, and its files. */
import { Button, Group } from '@mantine/core'
import { ReportsService } from '@site11/proto/es/site11/statistics/v1/reports_service_pb.ts'
import { IconPlus } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { mayCall } from '../api/policy.ts'
import { useSession } from '../api/use-session.ts'
import { TabLinks } from '../ui/tab-links.tsx'
import { NewReport } from './new-report.tsx'
import { ReportList } from './report-list.tsx'
import { ReportSchedules } from './report-schedules.tsx'
import { parts } from './search.ts'
import styles from './statistics.module.css'
import { useSearch } from './use-search.ts'

const { createReport } = ReportsService.method

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
      {part === 'made' ? <ReportList /> : <ReportSchedules />}
      {mayWrite && search.id?.startsWith('new') && (
        <NewReport scheduled={part === 'schedules'} board={search.id.slice(4)} onClose={() => set({ id: undefined })} />
      )}
    </div>
  )
}
