import { useMutation } from '@connectrpc/connect-query'
import { Button, Group, PasswordInput, Radio, Stack, TextInput } from '@mantine/core'
import { CreateUserRequestSchema, UsersService } from '@site11/proto/es/site11/users/v1/users_service_pb.ts'
import { useQueryClient } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useContractForm } from '../ui/form.tsx'
import { ProblemInline } from '../ui/problem.tsx'
import { SideDrawer } from '../ui/side-drawer.tsx'
import { toastDone, toastProblem } from '../ui/toasts.tsx'
import { refreshUsers } from './cache.ts'
import { nameOf } from './user-columns.tsx'

const route = getRouteApi('/app/users/new')
const initialValues = { user: { email: '', displayName: '' }, password: '' }

/** Makes sending again safe when an answer was lost. Only a secure context (https or localhost) has it. */
const newRequestId = () => crypto.randomUUID?.() ?? ''

/** A drawer with an address of its own, over the list. */
export function CreateUser() {
  const { t } = useTranslation()
  const client = useQueryClient()
  const navigate = route.useNavigate()
  const [requestId] = useState(newRequestId)
  const [invite, setInvite] = useState(true)
  const create = useMutation(UsersService.method.createUser)
  const request = useMutation(UsersService.method.requestPasswordReset)
  const { form, failure, sending, submit } = useContractForm(CreateUserRequestSchema, initialValues)
  const close = () => void navigate({ to: '/users', search: true, resetScroll: false })
  const send = async (values: typeof initialValues) => {
    const password = invite ? '' : values.password
    const { user } = await create.mutateAsync({ ...values, password, requestId })
    // The user is there: what fails from here on is said, and can be done again from the list.
    const mailed = user && invite ? request.mutateAsync({ email: user.email }) : undefined
    close()
    await refreshUsers(client)
    if (!user) return
    try {
      await mailed
      await toastDone(t(invite ? 'users.invitedToast' : 'users.createdToast', { name: nameOf(user) }))
    } catch (error) {
      await toastProblem(error)
    }
  }
  return (
    <SideDrawer opened onClose={close} title={t('users.create')}>
      <form noValidate onSubmit={submit(send)}>
        <Stack gap="sm">
          <TextInput
            type="email"
            label={t('account.email')}
            autoComplete="off"
            data-autofocus
            {...form.getInputProps('user.email')}
          />
          <TextInput label={t('account.displayName')} autoComplete="off" {...form.getInputProps('user.displayName')} />
          <Radio.Group
            label={t('users.firstPassword')}
            value={invite ? 'invite' : 'set'}
            onChange={value => setInvite(value === 'invite')}
          >
            <Stack gap={8} mt={6}>
              <Radio value="invite" label={t('users.invite')} description={t('users.inviteHint')} />
              <Radio value="set" label={t('users.setPassword')} description={t('users.setPasswordHint')} />
            </Stack>
          </Radio.Group>
          {!invite && (
            <PasswordInput
              label={`${t('account.password')} (${t('common.optional')})`}
              description={t('users.firstPasswordHint')}
              autoComplete="new-password"
              {...form.getInputProps('password')}
            />
          )}
          {failure !== undefined && <ProblemInline error={failure} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              {t('common.cancel')}
            </Button>
            <Button type="submit" loading={sending}>
              {t('users.create')}
            </Button>
          </Group>
        </Stack>
      </form>
    </SideDrawer>
  )
}
