import { useTranslation } from 'react-i18next'
import type { InstanceView } from '../mesh/services.ts'
import { StateMark } from '../ui/state.tsx'
import { Since } from '../ui/time.tsx'
import { useWhy } from '../ui/use-why.ts'
import { type Belief, beliefsOf } from './beliefs.ts'
import styles from './instance.module.css'

/** What registry, health check and each proxy believe, side by side; what does not go together is marked. */
export function Beliefs({ view, heading }: { view: InstanceView; heading: 1 | 2 }) {
  const Heading = heading === 1 ? 'h2' : 'h3'
  const { t } = useTranslation()
  const beliefs = beliefsOf(view)
  const differing = beliefs.some(({ differs }) => differs)
  return (
    <section className={styles.part}>
      <Heading>
        {t('services.beliefs')}
        <span className={differing ? styles.differing : styles.agreeing}>
          {t(differing ? 'services.disagree' : 'services.agree')}
        </span>
      </Heading>
      <ul className={styles.beliefs}>
        {beliefs.map(belief => (
          <BeliefCell key={belief.kind + belief.who} belief={belief} view={view} />
        ))}
      </ul>
    </section>
  )
}

function BeliefCell({ belief: { who, kind, says, state, differs }, view }: { belief: Belief; view: InstanceView }) {
  const { t } = useTranslation()
  const drained = {
    key: 'drainedWhy',
    values: { name: view.instance.drainedBy, reason: view.instance.drainReason },
  } as const
  const why = useWhy(
    says === 'drained' && view.instance.drainReason ? drained : says === 'failing' ? state.why : undefined,
  )
  return (
    <li className={differs ? styles.differs : undefined}>
      <div className={styles.who}>
        {kind === 'proxy'
          ? t('services.proxy', { name: who })
          : t(kind === 'registry' ? 'mesh.registry' : 'mesh.healthCheck')}
      </div>
      <StateMark name={state.name} label={t(`services.says.${says}`)} />
      <div className={styles.since}>
        {state.since && <Since date={state.since} />}
        {why && <div>{why}</div>}
        {differs && (
          <div className={styles.differing}>{t(`services.differs.${kind === 'proxy' ? 'proxy' : 'registry'}`)}</div>
        )}
      </div>
    </li>
  )
}
