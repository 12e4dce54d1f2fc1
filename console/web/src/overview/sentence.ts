/** The state of the mesh in one sentence: what is not as it should be, since when and why. Pure, but for the words. */
import type { Proxy as EdgeProxy } from '@site11/proto/es/site11/console/v1/registry_service_pb.ts'
import type { TFunction } from 'i18next'
import type { ServiceView } from '../mesh/services.ts'
import { proxyState, type State, type StateName } from '../mesh/state.ts'
import { list } from '../ui/format.ts'
import { isOwnWork, properName, whyText } from '../ui/why.ts'

export interface Statement {
  name: StateName
  text: string
}

/** More services than this are named, not told of one by one. */
const toldApart = 2

/** @param now in ms: what began on another day is told with its date. */
export function statementOf(
  services: readonly ServiceView[],
  proxies: readonly EdgeProxy[],
  { t, language, now }: { t: TFunction; language: string; now: number },
): Statement {
  const ill = services.filter(({ state }) => state.name === 'failing' || state.name === 'degraded')
  const refusing = proxies.filter(proxy => proxyState(proxy).name === 'failing').map(({ nodeId }) => nodeId)
  const said: string[] = []
  if (proxies.length === 0) said.push(t('mesh.noProxy'))
  if (ill.length > toldApart) {
    const names = list(
      ill.map(({ name }) => name),
      language,
    )
    said.push(t('overview.many', { count: ill.length, names }))
  } else said.push(...ill.map(service => aboutService(service, t, language, now)))
  if (refusing.length > 0) said.push(t('mesh.refusing', { names: list(refusing, language) }))
  if (said.length > 0) {
    const failing = proxies.length === 0 || ill.some(({ state }) => state.name === 'failing')
    return { name: failing ? 'failing' : 'degraded', text: said.join(' ') }
  }
  const starting = services.filter(({ state }) => state.name === 'starting').map(({ name }) => name)
  if (starting.length > 0)
    return {
      name: 'starting',
      text: t('overview.starting', { count: starting.length, names: list(starting, language) }),
    }
  return { name: 'healthy', text: t('overview.healthy', { count: services.length }) }
}

/** "users: 1 of 2 instances failing since 12:03: MongoDB unreachable" */
function aboutService(service: ServiceView, t: TFunction, language: string, now: number): string {
  const { name, instances, ill, state } = service
  const total = instances.filter(({ registered }) => registered).length
  const values = {
    service: name,
    count: Math.max(ill.length, 0),
    total,
    since: sinceText(state.since, t, language, now),
    reason: reasonOf(service, t),
  }
  if (total === 0) return t('overview.absent', values)
  if (ill.length === 0) return t('overview.allDrained', values)
  const worst = ill[0]?.state.name === 'failing' ? 'failing' : 'degraded'
  return t(`overview.some.${worst}`, values)
}

function sinceText(since: State['since'], t: TFunction, language: string, now: number): string {
  if (!since) return ''
  const sameDay = new Date(now).toDateString() === since.toDateString()
  const time = new Intl.DateTimeFormat(language, {
    ...(!sameDay && { dateStyle: 'medium' }),
    timeStyle: 'short',
  }).format(since)
  return t('overview.since', { time })
}

/** What the instances that are ill stand on, when that is it; else what the worst of them says. */
function reasonOf({ ill, state }: ServiceView, t: TFunction): string {
  const missing = ill.flatMap(({ instance }) => instance.dependencies.filter(({ healthy }) => !healthy))[0]
  const reason =
    missing && !isOwnWork(missing.name)
      ? t('overview.unreachable', { name: properName(missing.name, t) })
      : whyText(state.why, t)
  return reason && t('overview.because', { reason: reason.replace(/\.$/, '') })
}
