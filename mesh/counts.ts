/**
 * How instances answer, as the Envoys of this machine count it for each endpoint.
 *
 * Of an endpoint, `rq_error` counts what was answered with 5xx, and of gRPC also what ended with a status that means such (UNKNOWN,
 * INTERNAL, UNAVAILABLE, DEADLINE_EXCEEDED, UNIMPLEMENTED, DATA_LOSS), in whatever way it was sent: everything behind the transcoder is
 * gRPC. Also what was reset or not answered in time. They are attempts: one that failed and was sent again with success counts as failed
 * once, though its caller saw nothing of it. What services send each other passes no Envoy and is not counted.
 */
import type { Tally } from './compare.ts'
import { knownEnvoys } from './envoy-view.ts'
import { httpGet } from './ready.ts'

/** What one Envoy has counted of each instance of a service, from when it knows it; and how many requests are under way. */
export type Counted = { nodeId: string; instances: ReadonlyMap<string, Tally & { active: number }> }

type Host = { hostname?: string; stats?: { name?: string; value?: string | number }[] }
type Clusters = { cluster_statuses?: { name?: string; host_statuses?: Host[] }[] }

/** Asks every Envoy of this machine. One that does not answer is left out. */
export async function countedBy(folder: string, service: string): Promise<Counted[]> {
  const answers = await Promise.allSettled(
    knownEnvoys(folder).map(async ({ nodeId, admin }) => {
      const { body } = await httpGet(`http://${admin}/clusters?format=json`)
      return { nodeId, instances: countsIn(body, service) }
    }),
  )
  return answers.flatMap(answer => (answer.status === 'fulfilled' ? [answer.value] : []))
}

/** Reads `/clusters?format=json`. */
export function countsIn(body: string, service: string): Map<string, Tally & { active: number }> {
  const { cluster_statuses: clusters = [] }: Clusters = JSON.parse(body)
  const hosts = clusters.find(({ name }) => name === service)?.host_statuses ?? []
  return new Map(
    hosts.map(({ hostname = '', stats = [] }) => {
      const value = (wanted: string) => Number(stats.find(({ name }) => name === wanted)?.value ?? 0)
      const failed = value('rq_error')
      return [hostname, { requests: value('rq_success') + failed, failed, active: value('rq_active') }]
    }),
  )
}

/** Adds up what is counted from now on, apart for instances of the new version and all others. */
export function createCounts() {
  const newer = new Set<string>()
  const last = new Map<string, Tally>()
  const sums = { newer: { requests: 0, failed: 0 }, older: { requests: 0, failed: 0 } }
  let begun = false
  let active = 0
  return {
    /** This instance has the new version from now on, or has it no longer. */
    mark(instance: string, isNew: boolean) {
      if (isNew) newer.add(instance)
      else newer.delete(instance)
    },
    add(counted: readonly Counted[]) {
      active = 0
      for (const { nodeId, instances } of counted) {
        for (const [instance, now] of instances) {
          if (newer.has(instance)) active += now.active
          const key = `${nodeId} ${instance}`
          const before = last.get(key)
          last.set(key, now)
          // What was there at the beginning counts from then on.
          if (!begun) continue
          // An Envoy, or an endpoint, that is new begins with nothing.
          const isSame = before !== undefined && now.requests >= before.requests && now.failed >= before.failed
          const sum = newer.has(instance) ? sums.newer : sums.older
          sum.requests += now.requests - (isSame ? before.requests : 0)
          sum.failed += now.failed - (isSame ? before.failed : 0)
        }
        for (const key of last.keys()) {
          const [node, instance = ''] = key.split(' ')
          if (node === nodeId && !instances.has(instance)) last.delete(key)
        }
      }
      begun = true
    },
    newer: (): Tally => ({ ...sums.newer }),
    older: (): Tally => ({ ...sums.older }),
    /** How many requests the new version had under way when it was looked at last. */
    active: (): number => active,
  }
}
