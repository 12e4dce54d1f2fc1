/** A change of the journal: what it says, and what it led to. Pure. */
import type { Change } from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import type { i18n } from 'i18next'
import type { en } from '../i18n/en.ts'
import type { StateName } from './state.ts'

type Known = keyof typeof en.services.change

const healthAfter = ({ fields }: Pick<Change, 'fields'>) => fields.find(({ field }) => field === 'health')?.after

/** @returns what happened to a thing that is named beside it: `instance.health` is told by what it became. Actions that are not known are named as they are. */
export function actionText(change: Change, { t, exists }: i18n): string {
  const { action } = change
  const became = action === 'instance.health' ? healthAfter(change) : undefined
  const key = (became ? `instance_${became}` : action.replace('.', '_')) as Known
  return exists(`services.change.${key}`) ? t(`services.change.${key}`) : action
}

/** What actions lead to, by how they end; the first that fits counts. */
const endings: readonly (readonly [RegExp, StateName])[] = [
  [/(refused|disconnected)$/, 'failing'],
  [/(drained|draining|left|removed|stopped)$/, 'draining'],
  [/(registered|returned)$/, 'starting'],
  [/(expired|forgotten)$/, 'unknown'],
  [/(resumed|accepted|connected|started)$/, 'healthy'],
]

/** @returns the state that a change led to; undefined for one that is neither good nor bad. */
export function stateAfter(change: Pick<Change, 'action' | 'fields'>): StateName | undefined {
  const { action } = change
  if (action !== 'instance.health') return endings.find(([ending]) => ending.test(action))?.[1]
  const became = healthAfter(change)
  return became === 'healthy' || became === 'failing' ? became : 'starting'
}
