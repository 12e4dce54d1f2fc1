/** Serves snapshots to proxies, and tells what each of them has. */
import { join } from 'node:path'
import type { Server } from '@grpc/grpc-js'
import type { Proxy as ProxyMessage } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import { createAcks, type Waiting } from './acks.ts'
import type { AdsInput } from './ads.ts'
import { type EndpointBelief, endpointsOf } from './beliefs.ts'
import { advance, type Connection, newConnection, type Refusal } from './connection.ts'
import { adminPortOf, clientOf, edgeOf } from './node.ts'
import { noOrigins, withSnapshot } from './origins.ts'
import { proxyOf } from './report.ts'
import { type Accepted, saveSnapshots } from './saved-snapshots.ts'
import {
  endpointType,
  extensionType,
  routeType,
  type Snapshot,
  snapshotFrom,
  type TypeUrl,
  typeUrls,
  withCertificate,
  withEdge,
} from './snapshot.ts'
import type { MeshState } from './state.ts'
import { addDiscovery, type Log, type OpenStream } from './streams.ts'

export type { Log, Refusal }

export type ProxyEvent =
  | { type: 'connected' | 'disconnected'; nodeId: string; client: string }
  /** `contracts`: those in what it was sent. */
  | ({ type: 'refused'; contracts: ReadonlyMap<string, Uint8Array> } & Refusal)
  /** It has taken the whole snapshot. `contracts`: what it has them of, by service; empty for a proxy that takes no contracts. */
  | { type: 'accepted'; nodeId: string; change: number; contracts: ReadonlyMap<string, Uint8Array> }

export type ControlPlane = {
  /** Adds the discovery service to a server that is not started yet. */
  addTo: (server: Server) => void
  /**
   * Makes the state, which includes all changes up to this one, what proxies are to have. A change after a quiet time goes out at
   * once, and so does one that takes an instance away; others close to each other go out as one. Throws a StateError when the state
   * cannot be used; the last good one stays in force.
   */
  publish: (state: MeshState, change: number) => void
  /** Gives every proxy the certificate that it is to show now, where that is another one. */
  certify: () => void
  /** The connected proxies, sorted by node id. */
  proxies: () => ProxyMessage[]
  /** Where on this machine the proxies that say so have their admin pages, by node id. */
  adminPorts: () => ReadonlyMap<string, number>
  /** What each connected proxy has accepted of endpoints, sorted by node id. The keys are `<service>/<instance>`. */
  beliefs: () => { nodeId: string; endpoints: ReadonlyMap<string, EndpointBelief> }[]
  /**
   * Resolves when every proxy has taken the change (the last published one when none is given), or has refused a part of it; at the
   * latest after `timeoutMs`, or when the signal aborts. `waiting` has those that have not taken it, and why.
   */
  waitForAcks: (options: { change?: number; timeoutMs: number; signal?: AbortSignal }) => Promise<{
    change: number
    waiting: Waiting[]
  }>
  /** Called when a proxy came, went or answered. */
  onChange: (listener: () => void) => void
  onEvent: (listener: (event: ProxyEvent) => void) => void
  /** What is wrong with the control plane itself, in words. */
  problems: () => string[]
  /** Ends all streams. */
  close: () => void
}

/** Changes wait for more to come: at least this long after the last one, at most that long after the first. ms. */
const quietMs = 30
const longestMs = 500
/** After its start the Console waits this long for the proxies that it knew before. ms. */
const returnMs = 5_000
/** Streams of one node id may overlap this long: the old one of a proxy that came back is noticed as gone with some delay. ms. */
const overlapMs = 60_000

type Published = { state: MeshState; snapshot: Snapshot; change: number }

type Entry = OpenStream & {
  connection: Connection
  openedAt: number
  given: Published | undefined
  /** What it is to show to instances. */
  certificate: MeshState['tls']
  taken: Published | undefined
  /** What the last response of each type was made from. */
  sent: Map<string, Published | undefined>
}

/**
 * Creates a control plane whose proxies must show `joinToken`; `certificateOf` gives what each of them shows to instances. What Envoys
 * accept is saved in `<home>/envoy`; without a home it is not.
 */
export function createControlPlane({
  joinToken,
  certificateOf,
  home,
  log,
}: {
  joinToken: string
  certificateOf: (nodeId: string) => NonNullable<MeshState['tls']>
  home?: string
  log: Log
}): ControlPlane {
  /** Those that came later are further on. */
  const entries = new Set<Entry>()
  const changeListeners: (() => void)[] = []
  const eventListeners: ((event: ProxyEvent) => void)[] = []
  const saved = home === undefined ? undefined : saveSnapshots(join(home, 'envoy'), log)
  let origins = noOrigins
  let published: Published | undefined
  let current: Published | undefined
  let lastPublish = Number.NEGATIVE_INFINITY
  let firstWaiting = 0
  let timer: NodeJS.Timeout | undefined

  /** The one that came last of those with the same node id. */
  const counting = () => new Map([...entries].map(entry => [entry.node.id, entry])).values()
  const counts = (entry: Entry) => [...entries].findLast(({ node }) => node.id === entry.node.id) === entry
  const connections = function* () {
    for (const { connection } of counting()) yield connection
  }
  const acks = createAcks(connections, () => published?.change ?? 0)
  for (const nodeId of saved?.known() ?? []) acks.missing(nodeId, { waitMs: returnMs, tellMs: returnMs })

  const emit = (event: ProxyEvent) => {
    for (const listener of eventListeners) listener(event)
  }
  const changed = () => {
    acks.check()
    for (const listener of changeListeners) listener()
  }

  const take = (entry: Entry, input: AdsInput) => {
    const result = advance(entry.connection, input, { change: entry.given?.change ?? 0, origins, now: new Date() })
    entry.connection = result.connection
    const refused = result.refusals.map(refusal => ({
      ...refusal,
      contracts: contractsIn(entry.sent.get(refusal.typeUrl)),
    }))
    for (const response of result.responses) {
      entry.sent.set(response.typeUrl, entry.given)
      entry.write(response)
    }
    for (const { contracts, ...refusal } of refused) {
      log.warn(refusal, 'a proxy refuses its configuration')
      emit({ type: 'refused', ...refusal, contracts })
    }
    if (entry.connection.progress === 'accepted' && entry.given && entry.taken !== entry.given)
      accepted(entry, entry.given)
  }

  const accepted = (entry: Entry, { change }: Published) => {
    entry.taken = entry.given
    const { node, stream } = entry.connection
    const isEdge = stream.subscriptions[extensionType] && stream.subscriptions[routeType]
    emit({ type: 'accepted', nodeId: node.id, change, contracts: contractsIn(isEdge ? entry.given : undefined) })
    if (node.program === 'envoy' && counts(entry)) saved?.save(node.id, change, acceptedOf(entry.connection))
  }

  const give = (entry: Entry, given: Published) => {
    const { edge, tls } = given.state
    const own = edgeOf(entry.node, edge)
    const isElsewhere = own.address !== edge.address || own.port !== edge.port
    const snapshot = isElsewhere ? withEdge(given.snapshot, own, tls !== undefined) : given.snapshot
    entry.given = given
    entry.certificate = certificateOf(entry.node.id)
    take(entry, { kind: 'snapshot', snapshot: withCertificate(snapshot, entry.certificate) })
  }

  const certify = () => {
    for (const entry of entries) {
      // Another object, since what follows is to be saved again.
      if (entry.given && certificateOf(entry.node.id) !== entry.certificate) give(entry, { ...entry.given })
    }
    changed()
  }

  const flush = () => {
    clearTimeout(timer)
    timer = undefined
    if (!published) return
    current = published
    for (const entry of entries) give(entry, current)
    changed()
  }

  const publish = (state: MeshState, change: number) => {
    const snapshot = snapshotFrom(state)
    const before = published
    origins = withSnapshot(origins, snapshot, change)
    published = { state, snapshot, change }
    const now = performance.now()
    const isQuiet = now - lastPublish >= quietMs
    const isSame = before !== undefined && typeUrls.every(type => before.snapshot[type] === snapshot[type])
    // One that comes and does not serve yet can wait: in a moment it will, and that must not wait behind this.
    const isIdle = before !== undefined && onlyEndpointsDiffer(before, published) && !takesAway(published, before)
    if (!isSame && !isIdle) lastPublish = now
    if ((!timer && isSame) || (isQuiet && !isIdle) || !before || takesAway(before, published)) {
      flush()
      return
    }
    if (!timer) firstWaiting = now
    clearTimeout(timer)
    timer = setTimeout(flush, Math.min(quietMs, firstWaiting + longestMs - now))
  }

  const open = (stream: OpenStream) => {
    const { node, peer } = stream
    // Fails for metadata that cannot be used, before there is a state, too.
    edgeOf(node, { address: '127.0.0.1', port: 0 })
    const client = clientOf(node)
    const connection = newConnection(node, stream.stream, new Date())
    const times = {
      openedAt: performance.now(),
      given: undefined,
      certificate: undefined,
      taken: undefined,
      sent: new Map(),
    }
    const entry: Entry = { ...stream, connection, ...times }
    const isNew = ![...entries].some(({ node: { id } }) => id === node.id)
    entries.add(entry)
    acks.back(node.id)
    log.info({ nodeId: node.id, client, peer }, 'a proxy has connected')
    if (isNew) emit({ type: 'connected', nodeId: node.id, client })
    if (current) give(entry, current)
    return {
      request: (input: AdsInput) => {
        take(entry, input)
        changed()
      },
      gone: (said: boolean) => {
        if (!entries.delete(entry)) return
        const isLast = ![...entries].some(({ node: { id } }) => id === node.id)
        log.info({ nodeId: node.id, client, peer }, 'a proxy has gone')
        if (isLast) {
          if (!said) acks.missing(node.id)
          emit({ type: 'disconnected', nodeId: node.id, client })
        }
        changed()
      },
    }
  }

  const overlaps = () => {
    const now = performance.now()
    return [...counting()].flatMap(({ node, peer, openedAt }) => {
      const others = [...entries].filter(entry => entry.node.id === node.id && entry.peer !== peer)
      if (others.length === 0 || now - openedAt < overlapMs) return []
      const peers = [...others.map(other => other.peer), peer].join(' and ')
      return `The node id ${node.id} is that of more than one proxy, at ${peers}: only the last is shown. Give each its own.`
    })
  }

  const sorted = () => [...connections()].sort((a, b) => (a.node.id < b.node.id ? -1 : 1))

  return {
    addTo: server => addDiscovery(server, joinToken, { open }, log),
    publish,
    certify,
    proxies: () => sorted().map(proxyOf),
    adminPorts: () =>
      new Map(
        sorted().flatMap(({ node }) => {
          const port = adminPortOf(node)
          return port === undefined ? [] : [[node.id, port] as const]
        }),
      ),
    beliefs: () => sorted().map(({ node, beliefs }) => ({ nodeId: node.id, endpoints: endpointsOf(beliefs) })),
    waitForAcks: acks.wait,
    onChange: listener => void changeListeners.push(listener),
    onEvent: listener => void eventListeners.push(listener),
    problems: () => [...(saved?.problems() ?? []), ...overlaps()],
    close: () => {
      clearTimeout(timer)
      for (const entry of entries) entry.end()
      entries.clear()
      saved?.close()
    },
  }
}

const contractsIn = (published: Published | undefined) =>
  new Map(published?.state.services.map(({ name, contract }) => [name, contract]))

function acceptedOf({ stream }: Connection): Partial<Record<TypeUrl, Accepted>> {
  const entries = typeUrls.flatMap(type => {
    const subscription = stream.subscriptions[type]
    return subscription ? [[type, { version: subscription.ackedVersion, resources: subscription.accepted }]] : []
  })
  return Object.fromEntries(entries)
}

const onlyEndpointsDiffer = (before: Published, after: Published) =>
  typeUrls.every(type => type === endpointType || before.snapshot[type] === after.snapshot[type])

/** Whether an instance that was sent requests no longer is, or is elsewhere. */
function takesAway(before: Published, after: Published): boolean {
  const serving = ({ state }: Published, service: string) => {
    const instances = state.services.find(({ name }) => name === service)?.instances ?? []
    return instances.filter(({ healthy, draining }) => healthy && !draining)
  }
  const [old, next] = [before.snapshot[endpointType], after.snapshot[endpointType]]
  const different = [...old.keys()].filter(name => old.get(name) !== next.get(name))
  return different.some(name => {
    const still = new Set(serving(after, name).map(({ host, port }) => `${host} ${port}`))
    return serving(before, name).some(({ host, port }) => !still.has(`${host} ${port}`))
  })
}
