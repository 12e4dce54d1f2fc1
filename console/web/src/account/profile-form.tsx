import { useMutation } from '@connectrpc/connect-query'
import { Button, Group, Stack, Text, TextInput, Title } from '@mantine/core'
import type { User } from '@site11/proto/es/site11/users/v1/user_pb.ts'
import { UpdateMeRequestSchema, UsersService } from '@site11/proto/es/site11/users/v1/users_service_pb.ts'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { problemFrom } from '../api/problem.ts'
import { Id } from '../ui/copy.tsx'
import { useContractForm } from '../ui/form.tsx'
import { ProblemInline } from '../ui/problem.tsx'
import { toastDone } from '../ui/toasts.tsx'
import { localeChoices, TextChoice, timeZones } from './profile-choices.tsx'

/** The fields of the form by their names in an update mask. */
const maskPaths = { 'user.displayName': 'display_name', 'user.locale': 'locale', 'user.timeZone': 'time_zone' }

interface ProfileFormProps {
  /** As it is when the form opens: a newer version does not overwrite what is being typed. */
  user: User
  /** Reads the user again and opens the form anew. */
  onReload: () => Promise<void>
}

export function ProfileForm({ user, onReload }: ProfileFormProps) {
  const { t } = useTranslation()
  const [{ displayName, locale, timeZone, etag }] = useState(user)
  const update = useMutation(UsersService.method.updateMe)
  const initialValues = { user: { displayName, locale, timeZone } }
  const { form, failure, sending, submit } = useContractForm(UpdateMeRequestSchema, initialValues)

  const save = async (values: typeof initialValues) => {
    const paths = Object.entries(maskPaths).flatMap(([field, path]) => (form.isDirty(field) ? [path] : []))
    await update.mutateAsync({ user: { ...values.user, etag }, updateMask: { paths } })
    await toastDone(t('account.profileSaved'))
    await onReload()
  }

  const changedMeanwhile = failure !== undefined && problemFrom(failure).reason === 'ETAG_MISMATCH'
  return (
    <form noValidate onSubmit={submit(save)}>
      <Stack gap="sm" maw={440}>
        <Title order={2}>{t('account.profile')}</Title>
        <Identity user={user} />
        <TextInput label={t('account.displayName')} autoComplete="name" {...form.getInputProps('user.displayName')} />
        <TextChoice
          label={t('account.locale')}
          description={t('account.localeHint')}
          data={localeChoices(locale)}
          {...form.getInputProps('user.locale')}
        />
        <TextChoice
          label={t('account.timeZone')}
          data={timeZones}
          searchable
          {...form.getInputProps('user.timeZone')}
        />
        {failure !== undefined && (
          <ProblemInline error={failure}>
            {changedMeanwhile && (
              <Button size="compact-sm" variant="default" onClick={onReload}>
                {t('account.loadAnew')}
              </Button>
            )}
          </ProblemInline>
        )}
        <Group>
          <Button type="submit" loading={sending} disabled={!form.isDirty()}>
            {t('common.save')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

/** What the user cannot change here. */
function Identity({ user: { id, email, emailVerified, roles } }: { user: User }) {
  const { t } = useTranslation()
  const request = useMutation(UsersService.method.requestEmailVerification)
  return (
    <Stack gap={4}>
      <Group gap="xs">
        <Text>{email}</Text>
        <Text size="sm" c="dimmed">
          {t(emailVerified ? 'account.emailVerified' : 'account.emailUnverified')}
        </Text>
        {!emailVerified && !request.isSuccess && (
          <Button size="compact-xs" variant="default" loading={request.isPending} onClick={() => request.mutate({})}>
            {t('account.requestVerification')}
          </Button>
        )}
      </Group>
      {request.isSuccess && (
        <Text size="sm" role="status">
          {t('account.verificationSent')}
        </Text>
      )}
      {request.error && <ProblemInline error={request.error} />}
      <Text size="sm" c="dimmed" component="div">
        {t('account.roles')}: {roles.join(', ')} · {t('account.id')}: <Id value={id} />
      </Text>
    </Stack>
  )
}
