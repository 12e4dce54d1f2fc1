/**
 * Where the instances of each service are, as the Console pushes it, and the grpc-js resolver that turns `site11:users` into them.
 * One table per process, as the resolvers of grpc-js are.
 */
import { type ChannelOptions, experimental, Metadata, status } from '@grpc/grpc-js'

type Resolver = experimental.Resolver
type ResolverListener = experimental.ResolverListener
type Target = Parameters<typeof experimental.createResolver>[0]

export interface Peer {
  service: string
  /** `host:port` */
  address: string
}

/** The scheme of targets: `site11:<service>`. */
export const scheme = 'site11'

/** How long calls wait for the Console to say where a service is, when a channel to it is new. ms. */
const patienceMs = 2000

/** By service; of one that is not in it nothing is known yet. */
let addresses = new Map<string, string[]>()
/** Whether the table has all services: then one that is not in it has no instance. */
let isWhole = false
const resolvers = new Set<PeerResolver>()
/** The services that a channel was ever made to. */
const wanted = new Set<string>()
const listeners = new Set<() => void>()

/** Takes the present peers of all services; channels follow at once. */
export function setPeers(peers: Peer[]): void {
  isWhole = true
  addresses = new Map(
    [...Map.groupBy(peers, peer => peer.service)].map(([service, list]) => [
      service,
      list.map(peer => peer.address).sort(),
    ]),
  )
  for (const resolver of resolvers) resolver.updateResolution()
}

/** Takes the present peers of one service; its channels follow at once. */
export function setPeersOf(service: string, peers: Peer[]): void {
  addresses.set(service, peers.map(({ address }) => address).sort())
  for (const resolver of resolvers) if (resolver.service === service) resolver.updateResolution()
}

/** @returns whether an instance of it is known: of a service that a channel was made to. */
export const hasPeers = (service: string): boolean => (addresses.get(service)?.length ?? 0) > 0

/** @returns the services that the Console has to be asked for, sorted. */
export const wantedServices = (): string[] => [...wanted].sort()

/** @param listener called when a service is wanted that was not before. @returns a function that ends that. */
export function onWanted(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** One channel's view of the table. */
class PeerResolver implements Resolver {
  readonly service: string
  readonly #listener: ResolverListener
  #told: string | undefined
  #patience: NodeJS.Timeout | undefined

  constructor(target: Target, listener: ResolverListener, _options: ChannelOptions) {
    this.service = target.path.replace(/^\/+/, '')
    this.#listener = listener
    if (wanted.has(this.service)) return
    wanted.add(this.service)
    for (const each of listeners) each()
  }

  static getDefaultAuthority(target: Target): string {
    return target.path.replace(/^\/+/, '')
  }

  /**
   * Tells the channel the addresses when they are news. The channel asks whenever a connection is lost, and connects anew when it
   * is answered: told the same each time, it would do so without pause. It also asks again after it was idle.
   */
  updateResolution(): void {
    resolvers.add(this)
    const found = addresses.get(this.service) ?? (isWhole ? [] : undefined)
    if (found) this.#tell(found)
    else this.#patience ??= setTimeout(() => this.#tell(addresses.get(this.service) ?? []), patienceMs).unref()
  }

  #tell(found: string[]): void {
    clearTimeout(this.#patience)
    this.#patience = undefined
    const text = found.join()
    if (text === this.#told) return
    this.#told = text
    // Not in the caller's stack: grpc-js does not expect an answer while it asks.
    process.nextTick(() => {
      if (!resolvers.has(this) || this.#told !== text) return
      const endpoints = found.map(address => {
        const at = address.lastIndexOf(':')
        return { addresses: [{ host: address.slice(0, at), port: Number(address.slice(at + 1)) }] }
      })
      const none = {
        code: status.UNAVAILABLE,
        details: `No instance of ${this.service} is healthy.`,
        metadata: new Metadata(),
      }
      this.#listener(found.length > 0 ? { ok: true, value: endpoints } : { ok: false, error: none }, {}, null, '')
    })
  }

  /** Called also when the channel becomes idle; it may ask again later. */
  destroy(): void {
    resolvers.delete(this)
    clearTimeout(this.#patience)
    this.#patience = undefined
    this.#told = undefined
  }
}

experimental.registerResolver(scheme, PeerResolver)
