/** The caller's own account: profile, password, sessions. */
import { createConnectQueryKey, useQuery } from '@connectrpc/connect-query'
import { Divider, Skeleton, Stack } from '@mantine/core'
import { AuthService } from '@site11/proto/es/site11/console/v1/auth_service_pb.ts'
import { UsersService } from '@site11/proto/es/site11/users/v1/users_service_pb.ts'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Page } from '../ui/page.tsx'
import { ProblemInline } from '../ui/problem.tsx'
import { PasswordForm } from './password-form.tsx'
import { ProfileForm } from './profile-form.tsx'
import { RecentActivity } from './recent-activity.tsx'
import { Sessions } from './sessions.tsx'

export function Me() {
  const { t } = useTranslation()
  const client = useQueryClient()
  const { data, error, refetch } = useQuery(UsersService.method.getMe)
  const [opened, setOpened] = useState(0)
  const user = data?.user

  async function reload() {
    await refetch()
    setOpened(opened + 1)
    // The name in the top bar.
    await client.invalidateQueries({
      queryKey: createConnectQueryKey({ schema: AuthService.method.getMe, cardinality: undefined }),
    })
  }

  return (
    <Page title={t('nav.me')}>
      <Stack gap="xl">
        {user && <ProfileForm key={opened} user={user} onReload={reload} />}
        {!user && (error ? <ProblemInline error={error} onRetry={refetch} /> : <Skeleton height={260} maw={440} />)}
        <Divider />
        <PasswordForm />
        <Divider />
        <Sessions />
        <Divider />
        {user && <RecentActivity userId={user.id} />}
      </Stack>
    </Page>
  )
}
