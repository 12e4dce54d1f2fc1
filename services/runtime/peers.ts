/**
 * Where the instances of each service are, as the Console pushes it, and the grpc-js resolver that turns `site11:users` into them.
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

let addresses = new Map<string, string[]>()
const resolvers = new Set<PeerResolver>()

/** Takes the present peers; channels follow at once. The table is one per process, as the resolvers of grpc-js are. */
export function setPeers(peers: Peer[]): void {
  addresses = new Map(
    [...Map.groupBy(peers, peer => peer.service)].map(([service, list]) => [
      service,
      list.map(peer => peer.address).sort(),
    ]),
  )
  for (const resolver of resolvers) resolver.updateResolution()
}

/** One channel's view of the table. */
class PeerResolver implements Resolver {
  readonly #service: string
  readonly #listener: ResolverListener
  #told: string | undefined

  constructor(target: Target, listener: ResolverListener, _options: ChannelOptions) {
    this.#service = target.path.replace(/^\/+/, '')
    this.#listener = listener
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
    const found = addresses.get(this.#service) ?? []
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
        details: `No instance of ${this.#service} is healthy.`,
        metadata: new Metadata(),
      }
      this.#listener(found.length > 0 ? { ok: true, value: endpoints } : { ok: false, error: none }, {}, null, '')
    })
  }

  /** Called also when the channel becomes idle; it may ask again later. */
  destroy(): void {
    resolvers.delete(this)
    this.#told = undefined
  }
}

experimental.registerResolver(scheme, PeerResolver)
