/** The settings that a process was started with. */
import { useQuery } from '@connectrpc/connect-query'
import { Skeleton } from '@mantine/core'
import { OperationsService, type Setting } from '@site11/proto/es/site11/console/v1/operations_service_pb.ts'
import { useTranslation } from 'react-i18next'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Empty } from '../ui/empty.tsx'
import { OperationsProblem } from './operations-problem.tsx'
import styles from './services.module.css'

export function Settings({ process }: { process: string }) {
  const { t } = useTranslation()
  const { data, error, refetch } = useQuery(OperationsService.method.getSettings, { process })
  if (error && !data) return <OperationsProblem error={error} onRetry={refetch} />
  if (!data) return <Skeleton height={240} />
  const columns: Column<Setting>[] = [
    { key: 'name', header: t('services.setting.name'), cell: ({ name }) => <span className="mono">{name}</span> },
    {
      key: 'value',
      header: t('services.setting.value'),
      cell: ({ value, secret }) =>
        secret ? (
          <span className={styles.secret}>{t('services.setting.secret')}</span>
        ) : (
          <span className={`mono ${styles.value}`}>{value}</span>
        ),
    },
  ]
  return (
    <DataTable
      label={t('services.tab.settings')}
      columns={columns}
      rows={data.settings}
      rowKey={({ name }) => name}
      empty={<Empty title={t('services.setting.none')} />}
    />
  )
}
