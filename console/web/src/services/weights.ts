/** How requests are spread over the versions of a service: what is set, and what each instance gets by it. Pure. */
import type { ServiceVersion, TrafficWeight } from '@site11/proto/es/site11/console/v1/registry_service_pb.ts'

export interface Share {
  version: string
  /** Instances of it, and those of them that can serve. */
  instances: number
  serving: number
  /** What is set, in percent; undefined when nothing is set and all instances get the same. */
  set: number | undefined
  /** What it gets, in percent of all requests, not rounded. */
  gets: number
  /** What each of its serving instances gets, in percent. */
  each: number
}

/**
 * @param weights none: every serving instance gets the same, whatever its version.
 * @returns what each version gets, by version. A version that cannot serve leaves its share to the others, in proportion.
 */
export function sharesOf(versions: readonly ServiceVersion[], weights: readonly TrafficWeight[]): Share[] {
  const set = new Map(weights.map(({ version, percent }) => [version, percent]))
  const known = new Map(versions.map(each => [each.version, each]))
  const names = [...new Set([...known.keys(), ...set.keys()])].sort(byVersion)
  const wanted = (version: string) => {
    const serving = known.get(version)?.serving ?? 0
    if (serving === 0) return 0
    return set.size > 0 ? (set.get(version) ?? 0) : serving
  }
  const total = names.reduce((sum, version) => sum + wanted(version), 0)
  return names.map(version => {
    const { instances = 0, serving = 0 } = known.get(version) ?? {}
    const gets = total === 0 ? 0 : (wanted(version) / total) * 100
    return {
      version,
      instances,
      serving,
      set: set.size > 0 ? (set.get(version) ?? 0) : undefined,
      gets,
      each: serving === 0 ? 0 : gets / serving,
    }
  })
}

export type WeightsFlaw = 'sum' | 'nobody'

/** @returns what keeps these weights from being set: they are not 100 in all, or nobody who has a share can serve. */
export function flawOf(shares: readonly Share[]): WeightsFlaw | undefined {
  if (shares.reduce((sum, { set = 0 }) => sum + set, 0) !== 100) return 'sum'
  return shares.some(({ set = 0, serving }) => set > 0 && serving > 0) ? undefined : 'nobody'
}

/**
 * @returns the weights with one of them changed. With two versions the other one takes the rest, so that the sum stays 100.
 */
export function withWeight(
  weights: ReadonlyMap<string, number>,
  version: string,
  percent: number,
): Map<string, number> {
  const next = new Map(weights).set(version, percent)
  const [other, ...more] = [...next.keys()].filter(name => name !== version)
  if (other !== undefined && more.length === 0) next.set(other, 100 - percent)
  return next
}

const byVersion = new Intl.Collator('en', { numeric: true }).compare
