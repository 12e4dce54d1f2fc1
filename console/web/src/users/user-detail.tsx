/** A user: beside the list, or as a page of its own when it is opened by its address or widened. */
import { useQuery } from '@connectrpc/connect-query'
import { ActionIcon, Button, Group, Skeleton, Stack, Tabs, Text } from '@mantine/core'
import { AuthService } from '@site11/proto/es/site11/console/v1/auth_service_pb.ts'
import { DiagnosticsService } from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import { type User, UserState } from '@site11/proto/es/site11/users/v1/user_pb.ts'
import { UsersService } from '@site11/proto/es/site11/users/v1/users_service_pb.ts'
import { IconArrowsDiagonal } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useContext } from 'react'
import { useTranslation } from 'react-i18next'
import { mayCall } from '../api/policy.ts'
import { useSession } from '../api/use-session.ts'
import { Page } from '../ui/page.tsx'
import { ProblemInline } from '../ui/problem.tsx'
import { SideDrawer } from '../ui/side-drawer.tsx'
import { useNow } from '../ui/time.tsx'
import { toastUndo } from '../ui/toasts.tsx'
import { listedUser } from './cache.ts'
import { DetailPlace } from './detail-place.ts'
import { DisableForm } from './disable-user.tsx'
import { EditUser } from './edit-user.tsx'
import { useRowWords } from './row-words.ts'
import { UserSecurityEvents } from './security-events.tsx'
import { untilOf, useUserActions } from './use-user-actions.ts'
import { useUserChanges } from './use-user-changes.ts'
import { UserActivity } from './user-activity.tsx'
import { nameOf, SignInState } from './user-columns.tsx'
import { UserProfile } from './user-profile.tsx'
import { UserSessions } from './user-sessions.tsx'
import type { UserTab } from './user-tab.ts'

const route = getRouteApi('/app/users/$userId')

export function UserDetail() {
  const { t } = useTranslation()
  const { userId } = route.useParams()
  const navigate = route.useNavigate()
  const { whole, widen } = useContext(DetailPlace)
  const client = useQueryClient()
  const { data, error, refetch } = useQuery(
    UsersService.method.getUser,
    { id: userId },
    // What the list has is shown at once.
    { placeholderData: () => listedUser(client, userId) },
  )
  // Beside the list it is the list that follows what changes.
  const user = data?.user
  const title = user ? nameOf(user) : t('users.user')
  const close = () => void navigate({ to: '/users', search: ({ tab: _, ...list }) => list, resetScroll: false })
  const content = user ? (
    <Content key={user.id} user={user} />
  ) : error ? (
    <ProblemInline error={error} onRetry={refetch} />
  ) : (
    <Stack aria-busy="true" role="status" aria-label={t('common.loading')}>
      <Skeleton height={16} width="45%" />
      <Skeleton height={34} />
      <Skeleton height={180} />
    </Stack>
  )
  if (whole) {
    return (
      <Page
        title={title}
        action={
          <Link to="/users" search={({ tab: _, ...list }) => list} resetScroll={false}>
            {t('users.toList')}
          </Link>
        }
      >
        <Follow />
        <Stack maw={640}>{content}</Stack>
      </Page>
    )
  }
  return (
    <SideDrawer
      opened
      onClose={close}
      title={title}
      action={
        <ActionIcon
          variant="subtle"
          color="gray"
          onClick={widen}
          aria-label={t('users.widen')}
          title={t('users.widen')}
        >
          <IconArrowsDiagonal size={17} />
        </ActionIcon>
      }
    >
      {content}
    </SideDrawer>
  )
}

/** Keeps the user as it is now. */
function Follow() {
  useUserChanges()
  return null
}

function Content({ user }: { user: User }) {
  const { t } = useTranslation()
  const session = useSession()
  const navigate = route.useNavigate()
  const { tab = 'profile' } = route.useSearch()
  const { calls, remove, restore, enable, sendLink } = useUserActions()
  const now = useNow(new Date(0))
  const mayWrite = mayCall(session, UsersService.method.updateUser)
  const living = !user.deleteTime
  const show = (next: UserTab | undefined) =>
    void navigate({
      to: '.',
      search: ({ tab: _, ...rest }) => ({ ...rest, ...(next && next !== 'profile' && { tab: next }) }),
      replace: true,
      resetScroll: false,
    })
  const state = <SignInState user={user} now={now} words={useRowWords()} />

  if (tab === 'disable' && living && mayWrite) {
    return (
      <DisableForm
        onClose={() => show(undefined)}
        onSend={async (reason, until) => {
          const after = await calls.disable(user, reason, untilOf(until))
          show(undefined)
          const undo = async () => void (after && (await calls.enable(after)))
          await toastUndo(t('users.disabledToast', { name: nameOf(user) }), undo)
        }}
      />
    )
  }
  if (tab === 'edit' && living && mayWrite) return <EditUser user={user} onClose={() => show(undefined)} />
  return (
    <Stack gap="md">
      <div>{state}</div>
      {mayWrite && (
        <Group gap={6}>
          {living ? (
            <>
              <Button size="compact-sm" onClick={() => show('edit')} data-autofocus>
                {t('users.edit')}
              </Button>
              {user.state === UserState.DISABLED ? (
                <Button size="compact-sm" variant="default" onClick={() => enable(user)}>
                  {t('users.enable')}
                </Button>
              ) : (
                <Button size="compact-sm" variant="default" onClick={() => show('disable')}>
                  {t('users.disable')}
                </Button>
              )}
              <Button size="compact-sm" variant="default" onClick={() => sendLink(user)}>
                {t('users.sendLink')}
              </Button>
              <Button size="compact-sm" variant="default" onClick={() => remove(user)}>
                {t('users.delete')}
              </Button>
            </>
          ) : (
            <Button size="compact-sm" onClick={() => restore(user)} data-autofocus>
              {t('users.undelete')}
            </Button>
          )}
        </Group>
      )}
      <Tabs value={tab === 'sessions' || tab === 'activity' ? tab : 'profile'} onChange={next => show(next as UserTab)}>
        <Tabs.List mb="md">
          <Tabs.Tab value="profile">{t('account.profile')}</Tabs.Tab>
          {mayCall(session, AuthService.method.listUserSessions) && (
            <Tabs.Tab value="sessions">{t('account.sessions')}</Tabs.Tab>
          )}
          {mayCall(session, DiagnosticsService.method.listChanges) && (
            <Tabs.Tab value="activity">{t('users.activity')}</Tabs.Tab>
          )}
        </Tabs.List>
        <Tabs.Panel value="profile">
          <UserProfile user={user} />
        </Tabs.Panel>
        <Tabs.Panel value="sessions">{tab === 'sessions' && <UserSessions user={user} />}</Tabs.Panel>
        <Tabs.Panel value="activity">
          {tab === 'activity' && (
            <>
              <UserSecurityEvents userId={user.id} />
              <UserActivity userId={user.id} />
            </>
          )}
        </Tabs.Panel>
      </Tabs>
      {!mayWrite && (
        <Text size="sm" c="dimmed">
          {t('users.readOnly')}
        </Text>
      )}
    </Stack>
  )
}
