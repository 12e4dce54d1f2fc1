/**
 * Which instances of a service a request may go to, where they are not all of one version: by the weights that an operator set, and by
 * the API version that the caller asked for.
 *
 * The weights are those of endpoints, not of routes: so a retry may leave the version that failed, and the share of a version that
 * cannot serve goes to the others, without anybody's doing. What is to get nothing, and the API versions, are told apart by metadata
 * (subset load balancing). The listener and the clusters stay as they are.
 */
import type { Json } from './encode.ts'
import type { InstanceState, ServiceState } from './state.ts'

/** What of a service's instances and weights the routes are made from. */
export type Versions = {
  service: string
  /** The API versions that its instances serve, in their order. */
  api: string[]
  /** Whether there are weights, and so perhaps instances that are to get nothing. */
  weighted: boolean
}

/** An instance with its share: undefined where all get the same, 0 for nothing unless no other can serve. */
export type Member = InstanceState & { weight?: number }

export const versionHeader = 'x-api-version'

/** One entry for each service, sorted by name. Equal states give equal values. */
export function versionsFrom(services: readonly ServiceState[]): Versions[] {
  const versions = services.map(({ name, instances, traffic = [] }) => {
    const staying = instances.filter(({ draining }) => !draining)
    // All of one service leave at the end: those on their way out are what there is.
    const present = staying.length > 0 ? staying : instances
    const api = [...new Set(present.map(({ apiVersion }) => apiVersion))].sort(byNumber)
    return { service: name, api, weighted: traffic.length > 0 }
  })
  return versions.sort((a, b) => (a.service < b.service ? -1 : 1))
}

/** The share of each version is spread over those of its instances that can serve, or over all when none can. */
export function membersFrom({ instances, traffic = [] }: Pick<ServiceState, 'instances' | 'traffic'>): Member[] {
  if (traffic.length === 0) return instances
  const percents = new Map(traffic.map(({ version, percent }) => [version, percent]))
  const counts = new Map<string, number>()
  for (const each of instances) {
    if (each.healthy && !each.draining) counts.set(each.version, (counts.get(each.version) ?? 0) + 1)
  }
  return instances.map(each => {
    const percent = percents.get(each.version) ?? 0
    const ofVersion = counts.get(each.version) ?? instances.filter(({ version }) => version === each.version).length
    // In hundredths, so that not much is lost by the division.
    return { ...each, weight: percent === 0 ? 0 : Math.max(1, Math.round((percent * 100) / ofVersion)) }
  })
}

/** The part of an endpoint's metadata that Envoy chooses it by. */
export const endpointChoice = ({ weight, apiVersion }: Member): Json =>
  lb({ api_version: apiVersion, share: weight === 0 ? 'no' : 'yes' })

/** @param api the API version that the request asks for; undefined when it asks for none. @returns the part of a route's action. */
export function destination({ service, weighted }: Versions, api: string | undefined): Json {
  const asked: Json = api === undefined ? {} : { api_version: api }
  // First those that have a share; then any.
  const choice: Json = weighted ? { ...asked, fallback_list: [{ share: 'yes' }, {}] } : asked
  return {
    cluster: service,
    ...(Object.keys(choice).length > 0 && { metadata_match: { filter_metadata: lb(choice) } }),
  }
}

/** Of a cluster: how its endpoints are told apart. An API version that was asked for never becomes another. */
export const choosing: Json = {
  lb_subset_config: {
    // A request that asks for nothing.
    fallback_policy: 'ANY_ENDPOINT',
    metadata_fallback_policy: 'FALLBACK_LIST',
    subset_selectors: [['share'], ['api_version'], ['api_version', 'share']].map(keys => ({
      keys,
      fallback_policy: 'NO_FALLBACK',
    })),
  },
  // Endpoints of different weight get just that, however many requests each has under way.
  least_request_lb_config: { active_request_bias: { default_value: 0, runtime_key: 'site11.unused' } },
}

const lb = (fields: Json): Json => ({ 'envoy.lb': fields })

const byNumber = (a: string, b: string) => a.localeCompare(b, 'en', { numeric: true })
