import { useMutation } from '@connectrpc/connect-query'
import { Button, Group, NumberInput, Select, Stack, Text, TextInput } from '@mantine/core'
import { OperationsService } from '@site11/proto/es/site11/console/v1/operations_service_pb.ts'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { SideDrawer } from '../ui/side-drawer.tsx'
import { OperationsProblem } from './operations-problem.tsx'

interface DeployProps {
  service: string
  versions: readonly string[]
  opened: boolean
  onClose: () => void
  onBegun: () => void
}

/** Begins a deployment; it shows itself in the list. */
export function Deploy(props: DeployProps) {
  const { t } = useTranslation()
  const { opened, onClose, service } = props
  return (
    <SideDrawer opened={opened} onClose={onClose} title={t('services.deploy.title', { name: service })}>
      <Form {...props} />
    </SideDrawer>
  )
}

const watchSeconds = ['10', '30', '60', '300', '900']

function Form({ service, versions, onClose, onBegun }: DeployProps) {
  const { t, i18n } = useTranslation()
  const create = useMutation(OperationsService.method.createDeployment)
  const [version, setVersion] = useState('')
  const [canary, setCanary] = useState(0)
  const [seconds, setSeconds] = useState('30')
  const spelt = (value: string) => {
    const minutes = Number(value) / 60
    const [unit, count] = minutes >= 1 ? (['minute', minutes] as const) : (['second', Number(value)] as const)
    return new Intl.NumberFormat(i18n.language, { style: 'unit', unit, unitDisplay: 'long' }).format(count)
  }
  async function send() {
    await create.mutateAsync({
      service,
      version: version.trim(),
      canaryPercent: canary,
      ...(canary > 0 && { canaryDuration: { seconds: BigInt(seconds), nanos: 0 } }),
    })
    onClose()
    onBegun()
  }
  return (
    <form
      onSubmit={event => {
        event.preventDefault()
        send().catch(() => undefined)
      }}
    >
      <Stack gap="sm">
        <Text c="dimmed">{t('services.deploy.text')}</Text>
        <TextInput
          label={`${t('mesh.version')} (${t('common.optional')})`}
          description={t('services.deploy.versionHint', { versions: versions.join(', ') })}
          value={version}
          onChange={event => setVersion(event.currentTarget.value)}
          maxLength={64}
          autoComplete="off"
          data-autofocus
        />
        <NumberInput
          label={t('services.deploy.canary')}
          description={t('services.deploy.canaryHint')}
          suffix=" %"
          min={0}
          max={99}
          allowDecimal={false}
          clampBehavior="strict"
          value={canary}
          onChange={value => setCanary(Number(value) || 0)}
        />
        {canary > 0 && (
          <Select
            label={t('services.deploy.watch')}
            description={t('services.deploy.watchHint')}
            allowDeselect={false}
            value={seconds}
            onChange={value => value && setSeconds(value)}
            data={watchSeconds.map(value => ({ value, label: spelt(value) }))}
          />
        )}
        {create.error && <OperationsProblem error={create.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {t('common.cancel')}
          </Button>
          <Button type="submit" loading={create.isPending}>
            {t('services.deploy.title', { name: service })}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
