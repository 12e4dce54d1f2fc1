/**
 * Which instances of a service a request may go to, where they are not all of one version: by the weights that an operator set, and by
 * the API version that the caller asked for. Instances carry both versions as endpoint metadata, so that Envoy can choose among them
 * (subset load balancing) while the cluster and its endpoints stay as they are.
 *
 * A share whose version has no instance able to serve goes to the others. An API version that was asked for by name never does.
 */
import type { Json } from './encode.ts'
import type { ServiceState } from './state.ts'

/** What of a service's instances and weights the routes are made from. */
export type Versions = {
  service: string
  /** The API versions that its instances serve, sorted. */
  api: string[]
  /** The shares, largest first; empty when all instances get the same. */
  weights: { version: string; percent: number; api: string[] }[]
}

export const versionHeader = 'x-api-version'

/** One entry for each service, sorted by name. Equal states give equal values. */
export function versionsFrom(services: readonly ServiceState[]): Versions[] {
  const versions = services.map(({ name, instances, traffic = [] }) => {
    const staying = instances.filter(({ draining }) => !draining)
    // All of one service leave at the end: those on their way out are what there is.
    const present = staying.length > 0 ? staying : instances
    const apiOf = (version: string) => sorted(present.filter(each => each.version === version))
    const weights = traffic.filter(({ percent }) => percent > 0).map(each => ({ ...each, api: apiOf(each.version) }))
    return { service: name, api: sorted(present), weights: weights.sort(byShare) }
  })
  return versions.sort((a, b) => order(a.service, b.service))
}

/** @param api the API version that the request asks for; undefined when it asks for none. @returns the part of a route's action. */
export function destination({ service, weights }: Versions, api: string | undefined): Json {
  const asked: Json = api === undefined ? {} : { api_version: api }
  const shares = weights.filter(share => api === undefined || share.api.includes(api))
  if (shares.length === 0) return { cluster: service, ...(api !== undefined && { metadata_match: lb(asked) }) }
  const clusters = shares.map(({ version, percent }) => {
    const others = shares.filter(share => share.version !== version).map(share => ({ version: share.version }))
    // The last is for any instance that there is.
    return {
      name: service,
      weight: percent,
      metadata_match: lb({ ...asked, fallback_list: [{ version }, ...others, {}] }),
    }
  })
  return { weighted_clusters: { clusters } }
}

/** The metadata of an endpoint. */
export function endpointVersions(version: string, apiVersion: string): Json {
  return lb({ version, api_version: apiVersion })
}

/** Of a cluster: how its endpoints are told apart. */
export const subsets: Json = {
  // A request that asks for nothing.
  fallback_policy: 'ANY_ENDPOINT',
  metadata_fallback_policy: 'FALLBACK_LIST',
  subset_selectors: [['version'], ['api_version'], ['api_version', 'version']].map(keys => ({
    keys,
    fallback_policy: 'NO_FALLBACK',
  })),
}

const lb = (fields: Json): Json => ({ filter_metadata: { 'envoy.lb': fields } })

const sorted = (instances: readonly { apiVersion: string }[]) =>
  [...new Set(instances.map(({ apiVersion }) => apiVersion))].sort(byNumber)

const byNumber = (a: string, b: string) => a.localeCompare(b, 'en', { numeric: true })

const byShare = (a: Versions['weights'][number], b: Versions['weights'][number]) =>
  b.percent - a.percent || order(a.version, b.version)

const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
