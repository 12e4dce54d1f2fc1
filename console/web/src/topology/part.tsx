/** What is said of one part, on the map and in the list. */
import type { TFunction } from 'i18next'
import { useTranslation } from 'react-i18next'
import type { State } from '../mesh/state.ts'
import { msText } from '../signals/format.ts'
import { StateDot, StateMark } from '../ui/state.tsx'
import { Since } from '../ui/time.tsx'
import { properName, whyText } from '../ui/why.ts'
import { rateText, shareText } from './figures.ts'
import type { Part } from './model.ts'
import styles from './part.module.css'

const mostDots = 12
const mostNamed = 2

/** @returns what a part is called: clients, edge and group have no name of their own. */
export function nameOf({ kind, name, folded }: Pick<Part, 'kind' | 'name' | 'folded'>, t: TFunction): string {
  if (kind === 'group') return t('topology.group', { count: folded?.length ?? 0 })
  if (kind === 'store') return properName(name, t)
  return kind === 'clients' || kind === 'edge' ? t(`topology.kinds.${kind}`) : name
}

/** Where a part leads; undefined for what has no page. */
export function targetOf({ kind, name }: Part): { to: string; search: Record<string, unknown> } | undefined {
  if (kind === 'service') return { to: `/services/${encodeURIComponent(name)}`, search: {} }
  if (kind === 'edge') return { to: '/gateway', search: { tab: 'proxies' } }
  return kind === 'group' ? { to: '/topology', search: { all: true } } : undefined
}

/** Why a part is not as it should be; undefined when it is. */
export function useWhy(): (part: Pick<Part, 'kind' | 'state' | 'members'>) => string | undefined {
  const { t } = useTranslation()
  return ({ kind, state, members }) => {
    if (kind === 'edge' && members.length === 0) return t('mesh.noProxy')
    return state?.why && whyText(state.why, t)
  }
}

export function PartState({ state }: { state: State | undefined }) {
  if (!state) return null
  return (
    <span className={styles.state}>
      <StateMark name={state.name} />
      {state.since && (
        <span className={styles.since}>
          <Since date={state.since} />
        </span>
      )}
    </span>
  )
}

/**
 * A dot for each instance, in the shape of its state; of very many, how many are in each.
 * @param named where there is room, the names as well.
 */
export function Members({ members, named = false }: { members: Part['members']; named?: boolean }) {
  const { t } = useTranslation()
  if (members.length === 0) return null
  const label = members.map(({ name, state }) => `${name}: ${t(`state.${state}`)}`).join(', ')
  if (members.length > mostDots) {
    const counts = [...Map.groupBy(members, ({ state }) => state)]
    return (
      <span className={styles.dots} title={label}>
        {counts.map(([state, all]) => (
          <span key={state} className={styles.count}>
            <StateDot name={state} label={t(`state.${state}`)} /> {all.length}
          </span>
        ))}
      </span>
    )
  }
  return (
    <span className={styles.dots}>
      {members.map(({ name, state }) => (
        <span key={name} className={styles.count}>
          <StateDot name={state} label={`${name}: ${t(`state.${state}`)}`} />
          {named && members.length <= mostNamed && name}
        </span>
      ))}
    </span>
  )
}

/** "12/s · p95 14 ms", and the error share when there is one. */
export function Figures({ rate, errors, p95Ms }: Pick<Part, 'rate' | 'errors' | 'p95Ms'>) {
  const { t, i18n } = useTranslation()
  if (rate === undefined) return null
  if (rate === 0) return <span className={styles.figures}>{t('topology.noTraffic')}</span>
  return (
    <span className={styles.figures}>
      <span>{rateText(rate, i18n.language)}</span>
      {p95Ms !== undefined && <span>{t('topology.p95', { time: msText(p95Ms, i18n.language) })}</span>}
      {errors ? <b>{t('topology.errors', { share: shareText(errors, i18n.language) })}</b> : null}
    </span>
  )
}
