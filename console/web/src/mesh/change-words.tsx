/** A change of the journal in words. */
import type { Change } from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import type { i18n } from 'i18next'
import { useTranslation } from 'react-i18next'
import type { en } from '../i18n/en.ts'
import { useActorName } from '../ui/actor.ts'
import { reasonText } from '../ui/why.ts'
import { SubjectLink } from './links.tsx'
import type { StateName } from './state.ts'
import { subjectOf } from './subject.ts'
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

/** Which person did it. What services, proxies and the Console do of themselves was done by nobody. */
export function Actor({ actor }: { actor: string }) {
  const { t } = useTranslation()
  const name = useActorName(actor)
  if (actor !== 'operator' && subjectOf(actor).kind !== 'users') return null
  return <span>{t('services.by', { name: actor === 'operator' ? t('services.operator') : name })}</span>
}

/** What a change is of, by its name, leading to its page. */
export function Subject({ subject, className = '' }: { subject: string; className?: string | undefined }) {
  const { t } = useTranslation()
  const { value: mesh } = useMesh()
  const { kind, name } = subjectOf(subject)
  // Names of keys are long, and their beginnings tell them apart.
  const shown = kind === 'keys' || kind === 'authorities' ? name.slice(0, 24) : name
  return (
    <SubjectLink subject={subject} mesh={mesh} className={className}>
      {shown || t('services.mesh')}
    </SubjectLink>
  )
}

export function ReasonText({ reason }: { reason: string }) {
  const { t } = useTranslation()
  return reasonText(reason, t)
}
