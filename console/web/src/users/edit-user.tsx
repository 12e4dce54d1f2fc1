/** The form of a user. When others were faster, their version and the edit are put side by side, and nothing typed is lost. */
import { create } from '@bufbuild/protobuf'
import { useMutation } from '@connectrpc/connect-query'
import { ActionIcon, Button, Checkbox, Group, Stack, Text, TextInput } from '@mantine/core'
import { type User, UserSchema } from '@site11/proto/es/site11/users/v1/user_pb.ts'
import { UpdateUserRequestSchema, UsersService } from '@site11/proto/es/site11/users/v1/users_service_pb.ts'
import { IconPlus, IconTrash } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import type { TFunction } from 'i18next'
import { useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { localeChoices, TextChoice, timeZones } from '../account/profile-choices.tsx'
import { mayCall } from '../api/policy.ts'
import { problemFrom } from '../api/problem.ts'
import { useSession } from '../api/use-session.ts'
import { useContractForm } from '../ui/form.tsx'
import { LeaveGuard } from '../ui/leave-guard.tsx'
import { ProblemInline } from '../ui/problem.tsx'
import { toastDone } from '../ui/toasts.tsx'
import { optimistically, putUser } from './cache.ts'
import { Conflict } from './conflict.tsx'
import { roles as knownRoles } from './filter.ts'
import { changedFields, differences, type FieldValues, rolesIn, updateFrom, valuesOf } from './merge.ts'
import { readUser, useUserCalls } from './use-user-actions.ts'
import { nameOf } from './user-columns.tsx'
import styles from './user-detail.module.css'

interface EditUserProps {
  /** As it is now; the edit is of the version that it began with. */
  user: User
  onClose: () => void
}

/** A free profile field while it is edited: its key may be wrong or empty for a while. */
interface Entry {
  id: number
  key: string
  value: string
}

const keyRule = /^[a-z][a-z0-9_]{0,31}$/
let entries = 0
const entryOf = ([key, value]: [string, string]): Entry => ({ id: ++entries, key, value })

export function EditUser({ user, onClose }: EditUserProps) {
  const { t } = useTranslation()
  const client = useQueryClient()
  const update = useMutation(UsersService.method.updateUser)
  const calls = useUserCalls()
  const mayAdmin = mayCall(useSession(), UsersService.method.setUserRoles)
  /** What the edit is of. */
  const [base, setBase] = useState(user)
  const [roles, setRoles] = useState(base.roles)
  const [profile, setProfile] = useState(() => Object.entries(base.profile).map(entryOf))
  const [conflict, setConflict] = useState<{ mine: FieldValues; theirs: User }>()
  const { email, displayName, locale, timeZone } = base
  const { form, failure, sending, submit } = useContractForm(UpdateUserRequestSchema, {
    user: { email, displayName, locale, timeZone },
  })
  const saved = useRef(false)

  const values = (): FieldValues =>
    valuesOf({
      ...form.getValues().user,
      roles,
      profile: Object.fromEntries(profile.filter(({ key }) => key).map(({ key, value }) => [key, value])),
    })
  const isDirty = () => !saved.current && changedFields(valuesOf(base), values()).length > 0

  /** Makes `to` of a version. What of it was stored when the rest fails is the version to go on from. */
  async function store(from: User, to: FieldValues): Promise<void> {
    const { user: fields, paths, roles: rolesChange } = updateFrom(valuesOf(from), to)
    let latest = from
    if (paths.length > 0) {
      const after = await optimistically(client, from, create(UserSchema, { ...from, ...fields }), async () => {
        const request = { user: { id: from.id, etag: from.etag, ...fields }, updateMask: { paths } }
        return (await update.mutateAsync(request)).user
      })
      latest = after ?? from
      setBase(latest)
    }
    if (rolesChange) await calls.setRoles(latest, rolesIn(to))
  }

  async function send(from: User, to: FieldValues) {
    try {
      await store(from, to)
      saved.current = true
      onClose()
      await toastDone(t('users.savedToast', { name: nameOf(from) }))
    } catch (error) {
      if (problemFrom(error).reason !== 'ETAG_MISMATCH') throw error
      await compare(to)
    }
  }

  async function compare(mine: FieldValues) {
    const theirs = await readUser(base.id)
    if (!theirs) return
    putUser(client, theirs)
    setConflict({ mine, theirs })
  }

  if (conflict) {
    const { mine, theirs } = conflict
    return (
      <>
        <LeaveGuard dirty={isDirty} />
        <Conflict
          key={theirs.etag}
          theirs={valuesOf(theirs)}
          list={differences(valuesOf(base), mine, valuesOf(theirs))}
          label={field => labelOf(field, t)}
          saving={sending}
          onBack={() => setConflict(undefined)}
          onSave={to => {
            setBase(theirs)
            void submit(() => send(theirs, to))()
          }}
        />
        {failure !== undefined && <ProblemInline error={failure} />}
      </>
    )
  }

  const wrongKey = (key: string, value: string) => (key !== '' || value !== '') && !keyRule.test(key)
  const others = user.etag !== base.etag && !sending
  return (
    <form
      noValidate
      onSubmit={event => {
        if (profile.some(({ key, value }) => wrongKey(key, value))) return event.preventDefault()
        submit(() => send(base, values()))(event)
      }}
    >
      <Stack gap="sm">
        {others && (
          <Group role="status" justify="space-between" gap="xs">
            <Text size="sm">{t('users.changedMeanwhile')}</Text>
            <Button size="compact-sm" variant="default" onClick={() => void compare(values())}>
              {t('users.compare')}
            </Button>
          </Group>
        )}
        <TextInput type="email" label={t('account.email')} autoComplete="off" {...form.getInputProps('user.email')} />
        <TextInput
          label={t('account.displayName')}
          autoComplete="off"
          data-autofocus
          autoFocus
          {...form.getInputProps('user.displayName')}
        />
        <TextChoice label={t('account.locale')} data={localeChoices(locale)} {...form.getInputProps('user.locale')} />
        <TextChoice
          label={t('account.timeZone')}
          data={timeZones}
          searchable
          {...form.getInputProps('user.timeZone')}
        />
        {mayAdmin && (
          <Checkbox.Group label={t('users.roles')} value={roles} onChange={setRoles}>
            <Group mt={6}>
              {[...new Set([...knownRoles, ...roles])].map(role => (
                <Checkbox key={role} value={role} label={role} />
              ))}
            </Group>
          </Checkbox.Group>
        )}
        <Stack gap={6}>
          <Text size="sm" fw={500}>
            {t('users.profileFields')}
          </Text>
          {profile.map(({ id, key, value }) => {
            const set = (change: Partial<Entry>) =>
              setProfile(now => now.map(entry => (entry.id === id ? { ...entry, ...change } : entry)))
            return (
              <Group key={id} gap={6} wrap="nowrap" align="flex-start">
                <TextInput
                  aria-label={t('users.profileKey')}
                  placeholder="company"
                  value={key}
                  onChange={event => set({ key: event.currentTarget.value })}
                  error={wrongKey(key, value) && t('users.profileKeyRule')}
                  classNames={{ input: 'mono' }}
                  w={150}
                />
                <TextInput
                  aria-label={t('users.profileValue', { key })}
                  value={value}
                  maxLength={500}
                  onChange={event => set({ value: event.currentTarget.value })}
                  flex={1}
                />
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  size={36}
                  aria-label={t('users.removeField', { key })}
                  onClick={() => setProfile(now => now.filter(entry => entry.id !== id))}
                >
                  <IconTrash size={16} />
                </ActionIcon>
              </Group>
            )
          })}
          <Group>
            <Button
              size="compact-sm"
              variant="subtle"
              leftSection={<IconPlus size={14} />}
              onClick={() => setProfile(now => [...now, entryOf(['', ''])])}
            >
              {t('users.addField')}
            </Button>
          </Group>
        </Stack>
        {failure !== undefined && <ProblemInline error={failure} />}
        <div className={styles.footer}>
          <LeaveGuard dirty={isDirty} />
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              {t('common.cancel')}
            </Button>
            <Button type="submit" loading={sending}>
              {t('common.save')}
            </Button>
          </Group>
        </div>
      </Stack>
    </form>
  )
}

function labelOf(field: string, t: TFunction): string {
  switch (field) {
    case 'email':
    case 'displayName':
    case 'locale':
    case 'timeZone':
      return t(`account.${field}`)
    case 'roles':
      return t('users.roles')
    default:
      return field.replace(/^profile\./, '')
  }
}
