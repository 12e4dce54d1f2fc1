/** Why something is in its state, in the language of the page. */
import type { TFunction } from 'i18next'
import type { State } from '../mesh/state.ts'

/** What the health check says, by what it is known by. Other reasons are shown as they are. */
const known = [
  [/^cannot be reached/, 'unreachable'],
  [/^no answer/, 'noAnswer'],
  [/does not serve/, 'notServing'],
  [/^starting$/, 'starting'],
  [/^Nothing was heard of/, 'silent'],
] as const

/** Names of what services stand on, as people write them. */
const properNames: Record<string, string> = { mongodb: 'MongoDB', redis: 'Redis' }
export const properName = (name: string) => properNames[name] ?? name

/** @returns a reason that the health check gave, in the language of the page where it is known. */
export function reasonText(text: string, t: TFunction): string {
  const key = known.find(([pattern]) => pattern.test(text))?.[1]
  if (key) return t(`mesh.reason.${key}`)
  const [, name, reason] = /^([a-z][a-z0-9-]*): (.+)$/.exec(text) ?? []
  return name && reason ? t('mesh.why.dependency', { name: properName(name), reason }) : text
}

export function whyText(why: State['why'], t: TFunction, actor = ''): string {
  if (!why) return ''
  if ('text' in why) return reasonText(why.text, t)
  const { name = '', ...values } = why.values ?? {}
  return t(`mesh.why.${why.key}`, { ...values, name: actor || properName(name) })
}
