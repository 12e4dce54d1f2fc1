import { Button, NumberInput } from '@mantine/core'
import { OperationsService } from '@site11/proto/es/site11/console/v1/operations_service_pb.ts'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { mayCall } from '../api/policy.ts'
import { useSession } from '../api/use-session.ts'
import { consoleService, type ServiceView } from '../mesh/services.ts'
import { scale, useProgress } from './actions.ts'
import styles from './service.module.css'

const most = 100

/** Brings a service to another number of instances. The button names what it will do. */
export function Scale({ service: { name, instances } }: { service: ServiceView }) {
  const { t } = useTranslation()
  const session = useSession()
  const doing = useProgress(`services/${name}`)
  const now = instances.filter(({ registered }) => registered).length
  const [wanted, setWanted] = useState(now)
  // What is not being changed here follows what there is.
  const [touched, setTouched] = useState(false)
  useEffect(() => {
    if (!touched) setWanted(now)
  }, [now, touched])
  if (name === consoleService || !mayCall(session, OperationsService.method.scaleService)) return null
  const busy = doing?.verb === 'scale' && doing.phase === 'sending'
  async function send() {
    await scale(name, wanted)
    setTouched(false)
  }
  return (
    <div className={styles.scale}>
      <NumberInput
        size="xs"
        w={76}
        aria-label={t('services.scale.count')}
        value={wanted}
        min={1}
        max={most}
        clampBehavior="strict"
        allowDecimal={false}
        disabled={busy}
        onChange={value => {
          setTouched(true)
          setWanted(Number(value) || now)
        }}
      />
      <Button size="xs" variant="default" loading={busy} disabled={wanted === now} onClick={() => void send()}>
        {wanted === now ? t('services.scale.same') : t('services.scale.to', { from: now, count: wanted })}
      </Button>
    </div>
  )
}
