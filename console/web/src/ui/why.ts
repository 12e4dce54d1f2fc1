/** Why something is in its state, in the language of the page. */
import type { TFunction } from 'i18next'
import type { State } from '../mesh/state.ts'

/** What the Console says of instances, services and proxies, by what it is known by; what stands in it of its own is named. */
const known = [
  [/^cannot be reached/, 'unreachable'],
  [/^no answer/, 'noAnswer'],
  [/does not serve/, 'notServing'],
  [/^does not implement grpc\.health\.v1/, 'noHealthCheck'],
  [/^shows a certificate that is not its own/, 'certificate'],
  [/^not probed yet$/, 'notProbed'],
  [/^starting$/, 'starting'],
  [/^no instance$/, 'noInstance'],
  [/^no healthy instance$/, 'noneHealthy'],
  [/^every instance is drained$/, 'allDrained'],
  [/^(?<ill>\d+) of (?<total>\d+) not healthy$/, 'someIll'],
  [/^has not taken its configuration for (?<seconds>\d+) s$/, 'lags'],
  [/^events of \S+ (wait in their outboxes|cannot be received): no connection to Redis$/, 'noRedis'],
  [/^Nothing was heard of/, 'silent'],
] as const

/** Names of what services stand on, as people write them. */
const properNames: Record<string, string> = { mongodb: 'MongoDB', redis: 'Redis' }

/** Reported like what a service stands on, but work of the service itself, which is done in time or not. */
const ownWork = ['events', 'rollups'] as const
const ownWorkNamed = (name: string) => ownWork.find(each => each === name)
export const isOwnWork = (name: string): boolean => ownWorkNamed(name) !== undefined

export function properName(name: string, t: TFunction): string {
  const own = ownWorkNamed(name)
  return own ? t(`mesh.work.${own}.name`) : (properNames[name] ?? name)
}

/** @returns a reason in the language of the page where it is known; else the words of whoever gave it, as they are. */
export function reasonText(text: string, t: TFunction): string {
  return knownText(text, t) ?? text
}

/** As `reasonText` for what no person has written: on a page in another language its English stands in quotes. */
export function detailText(text: string, t: TFunction): string {
  return knownText(text, t) ?? (text && t('mesh.reason.quoted', { text }))
}

function knownText(text: string, t: TFunction): string | undefined {
  for (const [pattern, key] of known) {
    const found = pattern.exec(text)
    if (!found) continue
    const { seconds = '', ill = '', total = '' } = found.groups ?? {}
    return t(`mesh.reason.${key}`, { seconds, ill, total })
  }
  const failing = text.split('; ').map(each => /^([a-z][a-z0-9-]*): (.+)$/.exec(each))
  if (!failing.every(each => each !== null)) return undefined
  return failing.map(([, name = '', reason = '']) => dependencyText(name, reason, t)).join(' ')
}

function dependencyText(name: string, reason: string, t: TFunction): string {
  const own = ownWorkNamed(name)
  const values = { name: properName(name, t), reason: detailText(reason, t) }
  return own ? t(`mesh.work.${own}.behind`, values) : t('mesh.why.dependency', values)
}

export function whyText(why: State['why'], t: TFunction, actor = ''): string {
  if (!why) return ''
  if ('text' in why) return detailText(why.text, t)
  const { name = '', reason = '', ...values } = why.values ?? {}
  if (why.key === 'dependency') return dependencyText(name, reason, t)
  return t(`mesh.why.${why.key}`, { ...values, reason, name: actor || properName(name, t) })
}
