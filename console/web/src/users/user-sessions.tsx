/** Where a user is signed in, for those who administer sessions. */
import { timestampDate } from '@bufbuild/protobuf/wkt'
import { useMutation, useQuery } from '@connectrpc/connect-query'
import { Button, Group, Skeleton, Stack, Text } from '@mantine/core'
import { AuthService } from '@site11/proto/es/site11/console/v1/auth_service_pb.ts'
import type { User } from '@site11/proto/es/site11/users/v1/user_pb.ts'
import { useTranslation } from 'react-i18next'
import { deviceName } from '../account/device-name.ts'
import { Empty } from '../ui/empty.tsx'
import { ProblemInline } from '../ui/problem.tsx'
import { Ago } from '../ui/time.tsx'
import styles from './user-detail.module.css'

export function UserSessions({ user: { id: userId } }: { user: User }) {
  const { t } = useTranslation()
  const { data, error, refetch } = useQuery(AuthService.method.listUserSessions, { userId })
  const revoke = useMutation(AuthService.method.revokeUserSessions, { onSettled: () => refetch() })
  if (error && !data) return <ProblemInline error={error} onRetry={refetch} />
  if (!data) return <Skeleton height={90} role="status" aria-label={t('common.loading')} />
  const { sessions } = data
  if (sessions.length === 0) return <Empty title={t('users.noSessions')} hint={t('users.noSessionsHint')} />
  return (
    <Stack gap="sm">
      <Group justify="space-between">
        <Text size="sm" c="dimmed" flex={1}>
          {t('users.sessionsHint')}
        </Text>
        <Button
          size="compact-sm"
          variant="default"
          loading={revoke.isPending && !revoke.variables?.id}
          onClick={() => revoke.mutate({ userId, id: '' })}
        >
          {t('users.endAll', { count: sessions.length })}
        </Button>
      </Group>
      {revoke.error && <ProblemInline error={revoke.error} />}
      <ul className={styles.items} aria-label={t('account.sessions')}>
        {sessions.map(session => {
          const device = deviceName(session, t)
          return (
            <li key={session.id}>
              <div>
                <b title={session.userAgent}>{device}</b>
                {session.current && <> · {t('account.thisSession')}</>}
                <Text size="xs" c="dimmed" component="div">
                  <span className="mono">{session.clientAddress}</span>
                  {session.refreshTime && (
                    <>
                      {' · '}
                      {t('account.lastActive')} <Ago date={timestampDate(session.refreshTime)} />
                    </>
                  )}
                </Text>
              </div>
              <Button
                size="compact-sm"
                variant="default"
                aria-label={t('account.revokeOf', { device })}
                loading={revoke.isPending && revoke.variables?.id === session.id}
                onClick={() => revoke.mutate({ userId, id: session.id })}
              >
                {t('account.revoke')}
              </Button>
            </li>
          )
        })}
      </ul>
    </Stack>
  )
}
