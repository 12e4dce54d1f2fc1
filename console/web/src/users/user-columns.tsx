import { timestampDate } from '@bufbuild/protobuf/wkt'
import { ActionIcon, Group, Menu, Text } from '@mantine/core'
import { type User, UserState } from '@site11/proto/es/site11/users/v1/user_pb.ts'
import { UsersService } from '@site11/proto/es/site11/users/v1/users_service_pb.ts'
import { IconDots } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { mayCall } from '../api/policy.ts'
import { useSession } from '../api/use-session.ts'
import { Id } from '../ui/copy.tsx'
import type { Column } from '../ui/data-table.tsx'
import { moment } from '../ui/format.ts'
import { StateMark } from '../ui/state.tsx'
import { Ago } from '../ui/time.tsx'
import { useUserActions } from './use-user-actions.ts'

/** @param onDisable opens the form for it. */
export function useUserColumns(onDisable: (user: User) => void): Column<User>[] {
  const { t } = useTranslation()
  const mayChange = mayCall(useSession(), UsersService.method.deleteUser)
  const columns: Column<User>[] = [
    {
      key: 'user',
      header: t('users.user'),
      cell: ({ displayName, email, emailVerified }) => (
        <div>
          <b>{displayName || email}</b>
          <Text size="xs" c="dimmed">
            {displayName && `${email} · `}
            {t(emailVerified ? 'users.verified' : 'users.unverified')}
          </Text>
        </div>
      ),
    },
    { key: 'state', header: t('users.filter'), width: 220, cell: user => <SignInState user={user} /> },
    { key: 'roles', header: t('users.roles'), width: 150, cell: ({ roles }) => roles.join(', ') },
    { key: 'id', header: t('account.id'), width: 150, cell: ({ id }) => <Id value={id} /> },
    {
      key: 'created',
      header: t('users.created'),
      width: 130,
      cell: ({ createTime }) => createTime && <Ago date={timestampDate(createTime)} />,
    },
  ]
  if (mayChange) {
    columns.push({
      key: 'actions',
      header: t('common.actions'),
      quiet: true,
      width: 56,
      cell: user => (
        <Group justify="flex-end">
          <Actions user={user} onDisable={onDisable} />
        </Group>
      ),
    })
  }
  return columns
}

function SignInState({ user: { deleteTime, state, disabledReason, disabledUntil } }: { user: User }) {
  const { t, i18n } = useTranslation()
  if (deleteTime) {
    return (
      <>
        <StateMark name="failing" label={t('users.deleted')} />
        <Text size="xs" c="dimmed">
          <Ago date={timestampDate(deleteTime)} />
        </Text>
      </>
    )
  }
  if (state !== UserState.DISABLED) return <StateMark name="healthy" label={t('users.active')} />
  const until = disabledUntil && moment(timestampDate(disabledUntil), i18n.language)
  return (
    <>
      <StateMark name="degraded" label={t('users.disabled')} />
      <Text size="xs" c="dimmed">
        {disabledReason}
        {until && ` · ${t('users.disabledUntil', { time: until })}`}
      </Text>
    </>
  )
}

function Actions({ user, onDisable }: { user: User; onDisable: (user: User) => void }) {
  const { t } = useTranslation()
  const { remove, restore, enable } = useUserActions()
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon
          variant="subtle"
          color="gray"
          aria-label={t('users.actions', { name: user.displayName || user.email })}
        >
          <IconDots size={16} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {user.deleteTime ? (
          <Menu.Item onClick={() => restore(user)}>{t('users.undelete')}</Menu.Item>
        ) : (
          <>
            {user.state === UserState.DISABLED ? (
              <Menu.Item onClick={() => enable(user)}>{t('users.enable')}</Menu.Item>
            ) : (
              <Menu.Item onClick={() => onDisable(user)}>{t('users.disable')}</Menu.Item>
            )}
            <Menu.Item onClick={() => remove(user)}>{t('users.delete')}</Menu.Item>
          </>
        )}
      </Menu.Dropdown>
    </Menu>
  )
}
