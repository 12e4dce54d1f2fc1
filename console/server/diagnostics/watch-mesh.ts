/**
 * The mesh as those see it who watch it: all of it, then what differs. Many changes make one message, and a slow reader gets what is
 * then true: nothing queues, here or for any reader.
 */
import type {
  InstanceBeliefs,
  MeshHealth,
  WatchMeshResponse,
} from '@site11/proto/grpc/site11/console/v1/diagnostics_service.ts'
import type { Proxy as ProxyMessage } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import { offsetMs } from './clock-findings.ts'

/** At most four messages a second. ms. */
const pauseMs = 250
/** How often is looked for what changes without being told: what heartbeats bring, and time itself. ms. */
const lookMs = 1000
/** After so long without news a message says that there is none: who watches can tell a quiet mesh from a dead connection. ms. */
const quietMs = 5000

export interface MeshView {
  instances: readonly InstanceBeliefs[]
  proxies: readonly ProxyMessage[]
  health: MeshHealth
  lastChange: number
}

/** A view whose parts can be compared. */
interface Parts {
  instances: ReadonlyMap<string, Part<InstanceBeliefs>>
  proxies: ReadonlyMap<string, Part<ProxyMessage>>
  health: Part<MeshHealth> | undefined
  lastChange: number
}
interface Part<T> {
  message: T
  text: string
}

const nothing: Parts = { instances: new Map(), proxies: new Map(), health: undefined, lastChange: -1 }

export interface MeshFeed {
  /** Says that something may have changed. */
  changed(): void
  /** Ends with the signal. */
  watch(signal: AbortSignal): AsyncIterable<WatchMeshResponse>
}

/** @param view made at most four times a second, for all who watch together, and never while nobody does. */
export function createMeshFeed(view: () => MeshView): MeshFeed {
  let latest = nothing
  let madeMs = Number.NEGATIVE_INFINITY
  let watchers = 0
  let timer: NodeJS.Timeout | undefined
  let looking: NodeJS.Timeout | undefined
  let next = Promise.withResolvers<void>()

  function make() {
    timer = undefined
    madeMs = performance.now()
    latest = partsOf(view())
    next.resolve()
    next = Promise.withResolvers()
  }

  function changed() {
    if (watchers > 0) timer ??= setTimeout(make, Math.max(0, madeMs + pauseMs - performance.now()))
  }

  return {
    changed,
    async *watch(signal) {
      let silence: NodeJS.Timeout | undefined
      const ended = new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
      watchers++
      looking ??= setInterval(changed, lookMs)
      try {
        if (performance.now() - madeMs > pauseMs) make()
        else if (watchers === 1) changed()
        let sent = nothing
        let saidMs = performance.now()
        while (!signal.aborted) {
          const now = latest
          const message = difference(sent, now)
          sent = now
          // Goes on when the reader has taken it.
          if (message) {
            yield message
            saidMs = performance.now()
          }
          if (latest === now && !signal.aborted) {
            const left = Math.max(0, saidMs + quietMs - performance.now())
            const quiet = new Promise<true>(resolve => {
              silence = setTimeout(resolve, left, true)
            })
            const nothingNew = await Promise.race([next.promise, ended, quiet])
            clearTimeout(silence)
            if (nothingNew) {
              yield noNews(now.lastChange)
              saidMs = performance.now()
            }
          }
        }
      } finally {
        clearTimeout(silence)
        watchers--
        if (watchers === 0) {
          clearInterval(looking)
          clearTimeout(timer)
          looking = undefined
          timer = undefined
        }
      }
    },
  }
}

function partsOf({ instances, proxies, health, lastChange }: MeshView): Parts {
  const part = <T>(message: T, text = JSON.stringify(message)): Part<T> => ({ message, text })
  // A proxy may still know a name in another service than the registry does, which has the say.
  const sorted = instances.toSorted((a, b) => Number(a.registered) - Number(b.registered))
  return {
    instances: new Map(sorted.map(each => [nameOf(each), part(each, lastingText(each))])),
    proxies: new Map(proxies.map(each => [each.nodeId, part(each)])),
    health: part(health),
    lastChange,
  }
}

const nameOf = ({ instance }: InstanceBeliefs) => instance?.instance ?? ''

/**
 * What of an instance changes only when something happens: not what every heartbeat brings. Beliefs are put together by hand, as
 * there are many of them.
 */
function lastingText({ instance, proxies, disagreement, registered }: InstanceBeliefs): string {
  const of = instance && {
    ...instance,
    seenTime: undefined,
    leaseExpireTime: undefined,
    clockOffset: Math.round(offsetMs(instance) / 1000),
  }
  const beliefs = proxies.map(
    ({ nodeId, status, since, version }) => `${nodeId} ${status} ${since?.getTime()} ${version}`,
  )
  return `${JSON.stringify(of)} ${beliefs.join()} ${disagreement} ${registered}`
}

/** @returns what differs, or undefined when nothing does. */
function difference(before: Parts, after: Parts): WatchMeshResponse | undefined {
  const message = {
    instances: newOnes(before.instances, after.instances),
    removedInstances: goneFrom(before.instances, after.instances),
    proxies: newOnes(before.proxies, after.proxies),
    removedProxies: goneFrom(before.proxies, after.proxies),
    health: after.health?.text === before.health?.text ? undefined : after.health?.message,
    lastChange: after.lastChange,
  }
  const { instances, removedInstances, proxies, removedProxies, health } = message
  const lists = [instances, removedInstances, proxies, removedProxies]
  const differs = lists.some(list => list.length > 0) || health || before.lastChange !== after.lastChange
  return differs ? message : undefined
}

const noNews = (lastChange: number): WatchMeshResponse => ({
  instances: [],
  removedInstances: [],
  proxies: [],
  removedProxies: [],
  health: undefined,
  lastChange,
})

const newOnes = <T>(before: ReadonlyMap<string, Part<T>>, after: ReadonlyMap<string, Part<T>>): T[] =>
  [...after].filter(([name, { text }]) => before.get(name)?.text !== text).map(([, { message }]) => message)

const goneFrom = (before: ReadonlyMap<string, unknown>, after: ReadonlyMap<string, unknown>): string[] =>
  [...before.keys()].filter(name => !after.has(name))
