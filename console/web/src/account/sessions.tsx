import type { Timestamp } from '@bufbuild/protobuf/wkt'
import { timestampDate } from '@bufbuild/protobuf/wkt'
import { useMutation, useQuery } from '@connectrpc/connect-query'
import { Button, Text, Title } from '@mantine/core'
import { AuthService, type Session } from '@site11/proto/es/site11/console/v1/auth_service_pb.ts'
import { useTranslation } from 'react-i18next'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { ProblemInline } from '../ui/problem.tsx'
import { Ago } from '../ui/time.tsx'
import { deviceName } from './device-name.ts'

export function Sessions() {
  const { t } = useTranslation()
  const { data, error, refetch } = useQuery(AuthService.method.listSessions)
  const revoke = useMutation(AuthService.method.revokeSession, { onSettled: () => refetch() })
  const ago = (time: Timestamp | undefined) => time && <Ago date={timestampDate(time)} />
  const columns: Column<Session>[] = [
    {
      key: 'device',
      header: t('account.device'),
      cell: session => (
        <div title={session.userAgent}>
          <b>{deviceName(session, t)}</b>
          {session.current && <Text size="xs">{t('account.thisSession')}</Text>}
        </div>
      ),
    },
    {
      key: 'address',
      header: t('account.from'),
      width: 170,
      cell: ({ clientAddress }) => <span className="mono">{clientAddress}</span>,
    },
    { key: 'active', header: t('account.lastActive'), width: 140, cell: ({ refreshTime }) => ago(refreshTime) },
    { key: 'began', header: t('account.signedIn'), width: 140, cell: ({ createTime }) => ago(createTime) },
    {
      key: 'actions',
      header: t('common.actions'),
      quiet: true,
      width: 130,
      cell: session =>
        !session.current && (
          <Button
            size="compact-sm"
            variant="default"
            aria-label={t('account.revokeOf', { device: deviceName(session, t) })}
            loading={revoke.isPending && revoke.variables?.id === session.id}
            onClick={() => revoke.mutate({ id: session.id })}
          >
            {t('account.revoke')}
          </Button>
        ),
    },
  ]
  return (
    <section>
      <Title order={2}>{t('account.sessions')}</Title>
      <Text c="dimmed" size="sm" mb="sm">
        {t('account.sessionsHint')}
      </Text>
      {revoke.error && <ProblemInline error={revoke.error} />}
      {error && !data ? (
        <ProblemInline error={error} onRetry={refetch} />
      ) : (
        <DataTable
          label={t('account.sessions')}
          columns={columns}
          rows={data?.sessions}
          rowKey={({ id }) => id}
          empty={null}
        />
      )}
    </section>
  )
}
