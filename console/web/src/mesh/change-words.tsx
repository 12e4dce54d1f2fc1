/** Who did a change of the journal, to what, and why. */
import { useTranslation } from 'react-i18next'
import { useActorName } from '../ui/actor.ts'
import { reasonText } from '../ui/why.ts'
import { SubjectLink } from './links.tsx'
import { subjectOf } from './subject.ts'
import { useMesh } from './use-mesh.ts'

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
