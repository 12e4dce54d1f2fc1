/** RegistryService: attached instances, what is pushed to them, and the lists that operators read. */
import {
  InstanceHealth,
  type Instance as InstanceMessage,
  type RegistryServiceService,
} from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import type { Handlers } from '@site11/runtime/call.ts'
import { reasonOf } from '../health/reason.ts'
import { isDue } from '../tokens.ts'
import { attach, type RegistryOptions, type Stream } from './attach.ts'
import type { Instance } from './registry.ts'

export interface Attachments {
  handlers: Handlers<typeof RegistryServiceService>
  /** Sends keys and peers to every attached instance where they differ from what it has, and new tokens where they are due. */
  push(): void
}

export function registryService(options: RegistryOptions): Attachments {
  const streams = new Set<Stream>()

  async function bringUpToDate({ outbox, service, sent }: Stream) {
    const keys = JSON.stringify(options.jwks())
    if (keys !== sent.keys) outbox.put('keys', { message: { $case: 'keys', value: { jwks: keys } } })
    sent.keys = keys
    if (sent.token === undefined || isDue(sent.token, options.now())) {
      sent.token = await options.tokens.internal(service)
      outbox.put('internalToken', { message: { $case: 'internalToken', value: sent.token } })
    }
    // Asked for after the wait: what was true before it may be outdated.
    const peers = options.peers()
    const text = JSON.stringify(peers)
    if (text !== sent.peers) outbox.put('peers', { message: { $case: 'peers', value: { peers } } })
    sent.peers = text
  }

  return {
    handlers: {
      attach: (requests, call) => attach(requests, call, options, streams, bringUpToDate),
      async listInstances({ service }) {
        const all = [...options.registry.state().instances.values(), options.own()]
        const wanted = all.filter(each => !service || each.service === service)
        const sorted = wanted.sort((a, b) => compare(a.service, b.service) || compare(a.instance, b.instance))
        return { instances: sorted.map(instanceMessage) }
      },
      async listProxies() {
        return { proxies: options.controlPlane.proxies() }
      },
    },
    push() {
      for (const stream of streams) void bringUpToDate(stream).catch(error => stream.outbox.end(error))
    },
  }
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

const healths = {
  unknown: InstanceHealth.INSTANCE_HEALTH_UNSPECIFIED,
  healthy: InstanceHealth.INSTANCE_HEALTH_HEALTHY,
  failing: InstanceHealth.INSTANCE_HEALTH_FAILING,
}

function instanceMessage(instance: Instance): InstanceMessage {
  const { service, version, address, zone, startTime, seenMs, contractHash, health, draining, dependencies } = instance
  return {
    service,
    instance: instance.instance,
    version,
    address,
    zone,
    startTime,
    seenTime: new Date(seenMs),
    contractHash,
    health: healths[health.status],
    healthSince: health.since,
    healthReason: reasonOf(instance),
    attached: instance.stream !== undefined,
    draining,
    dependencies,
  }
}
