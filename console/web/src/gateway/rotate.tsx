/** Asks before what the mesh trusts by is replaced: it cannot be taken back. */
import { useMutation } from '@connectrpc/connect-query'
import { Text } from '@mantine/core'
import { RegistryService, SecretKind } from '@site11/proto/es/site11/console/v1/registry_service_pb.ts'
import { useTranslation } from 'react-i18next'
import { dateOf } from '../mesh/state.ts'
import { moment } from '../ui/format.ts'
import { QuestionDialog } from '../ui/question.tsx'
import { toastDone } from '../ui/toasts.tsx'
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
  const title = t(what === 'keys' ? 'gateway.rotateKeys' : 'gateway.rotateCa')
  async function rotate() {
    const { signTime } = await rotation.mutateAsync({ kind: kinds[what] })
    onClose()
    const date = dateOf(signTime)
    if (date) await toastDone(t(`gateway.rotated.${what}`, { time: moment(date, i18n.language) }))
  }
  return (
    <QuestionDialog title={title} name={what} action={title} onSure={rotate} onClose={onClose}>
      <Text>{t(`gateway.rotateText.${what}`)}</Text>
      <Text c="dimmed" size="sm">
        {t('gateway.touched', {
          instances: t('mesh.instances', { count: instances }),
          proxies: t('mesh.proxies', { count: proxies }),
        })}
      </Text>
    </QuestionDialog>
  )
}
