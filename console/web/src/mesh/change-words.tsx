/** A change of the journal in words. */
import type { Change } from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import type { i18n } from 'i18next'
import { useTranslation } from 'react-i18next'
import type { en } from '../i18n/en.ts'
import { useActorName } from '../ui/actor.ts'
import { HrefLink } from '../ui/href-link.tsx'
import { reasonText } from '../ui/why.ts'
import { addressOf, subjectOf } from './changes.ts'
import type { StateName } from './state.ts'
import { useMesh } from './use-mesh.ts'

type Known = keyof typeof en.services.change

/** @returns what happened: `instance.health` is told by what it became. Actions that are not known are named as they are. */
export function actionText({ action, fields }: Change, { t, exists }: i18n): string {
  const became = action === 'instance.health' ? fields.find(({ field }) => field === 'health')?.after : undefined
  const key = (became ? `instance_${became}` : action.replace('.', '_')) as Known
  return exists(`services.change.${key}`) ? t(`services.change.${key}`) : action
}

const states: Record<string, StateName> = {
  instance_healthy: 'healthy',
  instance_failing: 'failing',
  instance_unknown: 'starting',
  'instance.registered': 'starting',
  'instance.returned': 'starting',
  'instance.drained': 'draining',
  'instance.draining': 'draining',
  'instance.resumed': 'healthy',
  'instance.expired': 'unknown',
  'instance.refused': 'failing',
  'service.contract_refused': 'failing',
}

/** @returns the state that a change led to, where it led to one. */
export function stateAfter({ action, fields }: Change): StateName | undefined {
  const became = action === 'instance.health' ? fields.find(({ field }) => field === 'health')?.after : undefined
  return states[became ? `instance_${became}` : action]
}

/** Who did it, where that says something: what the Console finds out by itself was done by nobody. */
export function Actor({ actor }: { actor: string }) {
  const { t } = useTranslation()
  const name = useActorName(actor)
  if (actor === 'console') return null
  const { kind, name: bare } = subjectOf(actor)
  const shown = kind === 'services' || kind === 'proxies' ? bare : actor === 'operator' ? t('services.operator') : name
  return <span>{t('services.by', { name: shown })}</span>
}

export function SubjectLink({ subject, className }: { subject: string; className?: string | undefined }) {
  const { t } = useTranslation()
  const { value: mesh } = useMesh()
  const { kind, name } = subjectOf(subject)
  const href = addressOf(subject, instance => mesh?.instances.get(instance)?.instance?.service)
  const shown = name ? (kind === 'keys' || kind === 'authorities' ? name.slice(0, 24) : name) : t('services.mesh')
  return href ? (
    <HrefLink href={href} className={className}>
      {shown}
    </HrefLink>
  ) : (
    <span className={className}>{shown}</span>
  )
}

export function ReasonText({ reason }: { reason: string }) {
  const { t } = useTranslation()
  return reasonText(reason, t)
}
