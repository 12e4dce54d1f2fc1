/** Asks before what the mesh trusts by is replaced: it cannot be taken back. */
import { useMutation } from '@connectrpc/connect-query'
import { Button, Group, Stack, Text, TextInput, Title } from '@mantine/core'
import { RegistryService, SecretKind } from '@site11/proto/es/site11/console/v1/registry_service_pb.ts'
import { type FormEvent, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { dateOf } from '../mesh/state.ts'
import { Modal } from '../palette/modal.tsx'
import { moment } from '../ui/format.ts'
import { ProblemInline } from '../ui/problem.tsx'
import { toastDone } from '../ui/toasts.tsx'
import styles from './gateway.module.css'
import type { Rotation } from './search.ts'

interface RotateProps {
  what: Rotation
  /** Who gets the new one. */
  instances: number
  proxies: number
  onClose: () => void
}

const kinds = { keys: SecretKind.SIGNING_KEY, ca: SecretKind.AUTHORITY }

export function RotateDialog({ what, instances, proxies, onClose }: RotateProps) {
  const { t, i18n } = useTranslation()
  const rotation = useMutation(RegistryService.method.rotateSecrets)
  const [typed, setTyped] = useState('')
  const title = t(what === 'keys' ? 'gateway.rotateKeys' : 'gateway.rotateCa')

  async function rotate(event: FormEvent) {
    event.preventDefault()
    if (typed.trim() !== what) return
    const { signTime } = await rotation.mutateAsync({ kind: kinds[what] })
    onClose()
    const date = dateOf(signTime)
    if (date) await toastDone(t(`gateway.rotated.${what}`, { time: moment(date, i18n.language) }))
  }

  return (
    <Modal label={title} className={styles.dialog} onClose={onClose}>
      <form onSubmit={event => void rotate(event).catch(() => undefined)}>
        <Stack gap="sm">
          <Title order={2}>{title}</Title>
          <Text>{t(`gateway.rotateText.${what}`)}</Text>
          <Text c="dimmed" size="sm">
            {t('gateway.touched', {
              instances: t('mesh.instances', { count: instances }),
              proxies: t('mesh.proxies', { count: proxies }),
            })}
          </Text>
          <TextInput
            autoFocus
            label={t('gateway.typeName', { name: what })}
            autoComplete="off"
            spellCheck={false}
            value={typed}
            onChange={event => setTyped(event.currentTarget.value)}
          />
          {rotation.error && <ProblemInline error={rotation.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t('common.cancel')}
            </Button>
            <Button type="submit" disabled={typed.trim() !== what} loading={rotation.isPending}>
              {title}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
