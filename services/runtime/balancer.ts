/**
 * Which instance a call goes to: grpc-js's round robin over those that are connected, passing over those that are ejected, that hang, or
 * that the call has been sent to before. grpc-js has outlier detection of its own (`outlier_detection`); it takes every status but OK
 * for a failure, NOT_FOUND too, and looks only each interval: so the rules of peer-health.ts are used instead.
 */
import { type ChannelOptions, connectivityState, experimental, type MetadataOptions } from '@grpc/grpc-js'
import { isEligible } from './peer-health.ts'
import { type Peer, setAddresses, type Target, targetOf } from './target.ts'

const { ChildLoadBalancerHandler, PickResultType } = experimental
const { READY, TRANSIENT_FAILURE } = connectivityState
type LoadBalancer = experimental.LoadBalancer
type Picker = experimental.Picker
type Config = experimental.TypedLoadBalancingConfig

/** One attempt of a call; it travels to the picker in the options of the metadata, which stay on this side. */
export interface Attempt {
  /** Where the call has been sent to before. */
  readonly tried: readonly Peer[]
  /** Where it is sent. */
  peer: Peer | undefined
  /** It has ended, and no longer counts as under way. */
  ended: boolean
}

export interface AttemptOptions extends MetadataOptions {
  attempt: Attempt
}

const name = 'site11_peers'

/** @returns the service config of channels to a service. */
export const serviceConfigFor = (service: string): string =>
  JSON.stringify({ loadBalancingConfig: [{ [name]: { service } }] })

class PeersConfig implements Config {
  readonly service: string
  readonly child = experimental.parseLoadBalancingConfig({ round_robin: {} })

  constructor(service: string) {
    this.service = service
  }

  static createFromJson({ service }: { service: string }): PeersConfig {
    return new PeersConfig(service)
  }

  getLoadBalancerName(): string {
    return name
  }

  toJsonObject(): object {
    return { [name]: { service: this.service } }
  }
}

class PeersBalancer implements LoadBalancer {
  readonly #child: InstanceType<typeof ChildLoadBalancerHandler>
  readonly #helper: experimental.ChannelControlHelper
  #target: Target | undefined
  #isEmpty = false

  constructor(helper: experimental.ChannelControlHelper) {
    this.#helper = helper
    this.#child = new ChildLoadBalancerHandler(
      experimental.createChildChannelControlHelper(helper, {
        updateState: (state, picker, message) => {
          if (this.#isEmpty) return
          const target = this.#target
          const isReady = state === READY && target !== undefined
          helper.updateState(state, isReady ? new PeersPicker(picker, target) : picker, message)
        },
      }),
    )
  }

  updateAddressList(
    endpoints: experimental.StatusOr<experimental.Endpoint[]>,
    config: Config,
    options: ChannelOptions,
    note: string,
  ): boolean {
    if (!(config instanceof PeersConfig)) return false
    this.#target = targetOf(config.service)
    // None is an answer too: those that were there before are not called any more, which round_robin would do.
    const list = endpoints.ok ? endpoints.value : []
    const addresses = list.flatMap(endpoint => endpoint.addresses)
    setAddresses(this.#target, addresses.map(experimental.subchannelAddressToString))
    this.#isEmpty = list.length === 0
    const isTaken = this.#child.updateAddressList({ ok: true, value: list }, config.child, options, note)
    if (!endpoints.ok) {
      const { error } = endpoints
      this.#helper.updateState(TRANSIENT_FAILURE, new experimental.UnavailablePicker(error), error.details)
    }
    return isTaken
  }

  exitIdle(): void {
    this.#child.exitIdle()
  }

  resetBackoff(): void {
    this.#child.resetBackoff()
  }

  destroy(): void {
    this.#child.destroy()
  }

  getTypeName(): string {
    return name
  }
}

class PeersPicker implements Picker {
  readonly #inner: Picker
  readonly #target: Target

  constructor(inner: Picker, target: Target) {
    this.#inner = inner
    this.#target = target
  }

  /** The inner one gives another with each pick: taking the first that will do keeps the turns of those that do even. */
  pick(args: experimental.PickArgs): experimental.PickResult {
    const { attempt } = args.metadata.getOptions() as Partial<AttemptOptions>
    const { peers } = this.#target
    const nowMs = Date.now()
    let spare: { result: experimental.PickResult; peer: Peer | undefined } | undefined
    for (let left = peers.length; left > 0; left--) {
      const result = this.#inner.pick(args)
      if (result.pickResultType !== PickResultType.COMPLETE) return result
      const address = result.subchannel?.getAddress()
      const peer = peers.find(each => each.address === address)
      const isNew = !peer || !attempt?.tried.includes(peer)
      if (isNew && (!peer || isEligible(peer, peers, nowMs))) return taken(result, peer, attempt)
      // When none will do, rather one that this call has not been sent to.
      if (!spare || (isNew && spare.peer && attempt?.tried.includes(spare.peer))) spare = { result, peer }
    }
    return spare ? taken(spare.result, spare.peer, attempt) : this.#inner.pick(args)
  }
}

/** A call is picked for anew when the connection was lost meanwhile. */
function taken(result: experimental.PickResult, peer: Peer | undefined, attempt: Attempt | undefined) {
  if (attempt && !attempt.ended) {
    if (attempt.peer) attempt.peer.underway--
    attempt.peer = peer
    if (peer) peer.underway++
  }
  return result
}

experimental.registerLoadBalancerType(name, PeersBalancer, PeersConfig)
