/** What policies and secrets say, as words. Pure. */
import type { Duration } from '@bufbuild/protobuf/wkt'
import type { Route } from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import type { MethodPolicy, RateLimit } from '@site11/proto/es/site11/policy/v1/policy_pb.ts'
import type { GatewaySearch } from './search.ts'

export const msOf = (time: Duration | undefined) => (time ? Number(time.seconds) * 1000 + time.nanos / 1e6 : 0)

/** `/site11.users.v1.UsersService/GetUser` -> `UsersService.GetUser`. */
export function methodName(path: string): string {
  const [service = '', method = ''] = path.slice(1).split('/')
  return `${service.slice(service.lastIndexOf('.') + 1)}.${method}`
}

/** @returns such as "5 s", "500 ms" or "2 min". */
export function spanText(ms: number, language: string): string {
  const [unit, size] =
    ms >= 60_000 && ms % 60_000 === 0
      ? (['minute', 60_000] as const)
      : ms >= 1000
        ? (['second', 1000] as const)
        : (['millisecond', 1] as const)
  return new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'short' }).format(ms / size)
}

/** @returns such as "600 / 1 min". */
export const limitText = ({ requests, per }: RateLimit, language: string) =>
  `${new Intl.NumberFormat(language).format(requests)} / ${spanText(msOf(per), language)}`

/** What admits a caller: a scope as it is, or one of the words for the others. */
export function accessOf(policy: MethodPolicy | undefined): { scope: string } | { word: 'public' | 'authenticated' } {
  const access = policy?.access
  if (access?.case === 'scope') return { scope: access.value }
  return { word: access?.case === 'public' ? 'public' : 'authenticated' }
}

/** @returns the routes that are asked for. */
export function routesLike(
  routes: readonly Route[],
  { search = '', service, limited }: Pick<GatewaySearch, 'search' | 'service' | 'limited'>,
): Route[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean)
  return routes.filter(route => {
    const { path, bindings, policy } = route
    const access = accessOf(policy)
    const text = [path, ...bindings.map(each => `${each.verb} ${each.path}`), 'scope' in access ? access.scope : '']
      .join(' ')
      .toLowerCase()
    return (
      (!service || route.service === service) &&
      (!limited || policy?.rateLimit !== undefined) &&
      words.every(word => text.includes(word))
    )
  })
}

/** `spiffe://site11/service/users/users-1` -> `users-1`; the kind is what is between. */
export function holderOf(holder: string): {
  name: string
  kind: 'edge' | 'console' | 'proxy' | 'instance' | 'failover'
} {
  const [kind = '', ...names] = holder.replace(/^spiffe:\/\/site11\//, '').split('/')
  const name = decodeURIComponent(names.at(-1) ?? kind)
  if (holder === 'edge') return { name: holder, kind: 'edge' }
  if (name === 'failover') return { name, kind: 'failover' }
  return { name, kind: kind === 'proxy' || kind === 'console' ? kind : 'instance' }
}
