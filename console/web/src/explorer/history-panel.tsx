/** What was called before, to be called again. */
import { Button, Group, Stack, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Empty } from '../ui/empty.tsx'
import { StateMark } from '../ui/state.tsx'
import { Ago } from '../ui/time.tsx'
import { msText } from './amounts.ts'
import styles from './explorer.module.css'
import type { PastCall } from './history.ts'

interface HistoryPanelProps {
  calls: PastCall[]
  onClear: () => void
}

export function HistoryPanel({ calls, onClear }: HistoryPanelProps) {
  const { t, i18n } = useTranslation()
  const columns: Column<PastCall>[] = [
    {
      key: 'method',
      header: t('explorer.history.method'),
      width: 220,
      cell: ({ method, request }) => (
        <Link to="/explorer" search={{ method, ...(request && Object.keys(request).length > 0 && { request }) }}>
          {method.slice(method.lastIndexOf('/') + 1)}
        </Link>
      ),
    },
    {
      key: 'status',
      header: t('explorer.history.status'),
      width: 190,
      cell: ({ code }) => (
        <StateMark
          name={code === 'OK' ? 'healthy' : code === 'STOPPED' ? 'unknown' : 'failing'}
          label={code === 'STOPPED' ? t('explorer.response.stopped') : code}
        />
      ),
    },
    {
      key: 'request',
      header: t('explorer.history.request'),
      cell: ({ request }) => (
        <span className={`mono ${styles.preview}`}>
          {request ? JSON.stringify(request).slice(0, 120) : t('explorer.history.tooLarge')}
        </span>
      ),
    },
    { key: 'took', header: t('explorer.history.took'), width: 90, cell: ({ ms }) => msText(ms, i18n.language) },
    { key: 'time', header: t('explorer.history.time'), width: 120, cell: ({ time }) => <Ago date={new Date(time)} /> },
  ]
  return (
    <Stack gap="sm">
      <Group justify="space-between">
        <Text size="sm" c="dimmed">
          {t('explorer.history.hint')}
        </Text>
        {calls.length > 0 && (
          <Button size="compact-sm" variant="default" onClick={onClear}>
            {t('explorer.history.clear')}
          </Button>
        )}
      </Group>
      <DataTable
        label={t('explorer.tabs.history')}
        columns={columns}
        rows={calls}
        rowKey={({ time, method }) => `${time} ${method}`}
        empty={<Empty title={t('explorer.history.none')} hint={t('explorer.history.noneHint')} />}
      />
    </Stack>
  )
}
