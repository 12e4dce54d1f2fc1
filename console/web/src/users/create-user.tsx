import { useMutation } from '@connectrpc/connect-query'
import { Button, Group, PasswordInput, Stack, TextInput } from '@mantine/core'
import { CreateUserRequestSchema, UsersService } from '@site11/proto/es/site11/users/v1/users_service_pb.ts'
import { useQueryClient } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useContractForm } from '../ui/form.tsx'
import { ProblemInline } from '../ui/problem.tsx'
import { SideDrawer } from '../ui/side-drawer.tsx'
import { refreshLists } from './cache.ts'

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
  const create = useMutation(UsersService.method.createUser)
  const { form, failure, sending, submit } = useContractForm(CreateUserRequestSchema, initialValues)
  const close = () => void navigate({ to: '/users', search: true, resetScroll: false })
  const send = async (values: typeof initialValues) => {
    await create.mutateAsync({ ...values, requestId })
    close()
    await refreshLists(client)
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
          <PasswordInput
            label={`${t('users.firstPassword')} (${t('common.optional')})`}
            description={t('users.firstPasswordHint')}
            autoComplete="new-password"
            {...form.getInputProps('password')}
          />
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
