/** Changes as words: pure. */
import type { Change } from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import type { TFunction } from 'i18next'
import type { en } from '../i18n/en.ts'

type KnownAction = keyof typeof en.activity.actions

/** Every action that the journal knows, by the names of the contract with a line instead of the point. */
export const actions = [
  'instance.registered',
  'instance.returned',
  'instance.health',
  'instance.drained',
  'instance.resumed',
  'instance.draining',
  'instance.left',
  'instance.expired',
  'instance.removed',
  'instance.refused',
  'service.contract',
  'service.contract_accepted',
  'service.contract_refused',
  'service.traffic',
  'service.forgotten',
  'proxy.connected',
  'proxy.disconnected',
  'proxy.refused',
  'proxy.accepted',
  'key.published',
  'key.rotated',
  'ca.published',
  'ca.rotated',
  'console.started',
  'console.stopped',
  'journal.gap',
  'journal.checkpoint',
] as const

/** @returns what an action is called where nothing else is named; one that this page does not know yet stands as it is. */
export function actionName(action: string, t: TFunction): string {
  const known = actions.find(each => each === action)
  return known ? t(`activity.actions.${known.replace('.', '_') as KnownAction}`) : action
}

/** @returns what a thing is called within its kind: `instances/users-1` -> `users-1`. */
export function nameOf(subject: string): string {
  const name = subject.slice(subject.indexOf('/') + 1)
  return /^[\w-]{40,}$/.test(name) ? `…${name.slice(-8)}` : name
}

/** Fields that say no more than the time or the hash of the change itself. */
const dull = /Time$|Since$|^contractHash$|^acceptedHash$|^healthReason$/

/** @returns the fields that tell most, as `before → after`, for one line. */
export function gist({ fields }: Pick<Change, 'fields'>): string {
  return fields
    .filter(({ field, before }) => !dull.test(field) && before !== undefined)
    .slice(0, 3)
    .map(({ field, before, after }) => `${field}: ${before ?? '–'} → ${after ?? '–'}`)
    .join(', ')
}
