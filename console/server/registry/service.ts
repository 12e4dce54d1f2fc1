/** RegistryService: attached instances, what operators see of them, and what operators do to them. */
import { setTimeout as wait } from 'node:timers/promises'
import { type RegistryServiceService, SecretKind } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import { type Call, type Handlers, userOf } from '@site11/runtime/call.ts'
import { failedPrecondition, notFound, unavailable } from '@site11/runtime/errors.ts'
import type { Authorities } from '../ca/authorities.ts'
import type { ControlPlane } from '../control-plane/server.ts'
import type { Journal } from '../journal/journal.ts'
import type { SigningKeys } from '../keys/keys.ts'
import type { Tokens } from '../tokens.ts'
import { type AttachOptions, attach } from './attach.ts'
import { instanceSubject } from './fields.ts'
import { instanceMessage } from './message.ts'
import type { Instance } from './model.ts'
import { createPushing, type PushOptions } from './push.ts'
import type { Event } from './registry.ts'
import { requireTraffic, trafficOf } from './traffic.ts'
import { createInstanceWatch } from './watch-instances.ts'

export interface RegistryServiceOptions extends AttachOptions, PushOptions {
  journal: Pick<Journal, 'saved' | 'problem' | 'last' | 'list' | 'record'>
  tokens: Tokens
  authorities: Authorities
  keys: Pick<SigningKeys, 'succeed'>
  controlPlane: Pick<ControlPlane, 'waitForAcks' | 'proxies'>
}

export interface Attachments {
  handlers: Handlers<typeof RegistryServiceService>
  /** Sends keys to every attached instance where they differ from what it has, and new tokens where they are due. */
  push(): void
  /** Asks an instance what it has measured of itself. @returns false when it is not attached. */
  askMetrics(instance: string, number: number): boolean
}

/** How long an operator waits for a change to be stored. ms. */
const savedMs = 5000

export function registryService(options: RegistryServiceOptions): Attachments {
  const { registry, journal, own, now } = options
  const pushing = createPushing(options)
  const watch = createInstanceWatch(options)

  const find = (name: string): Instance | undefined =>
    name === own().instance ? own() : registry.state().instances.get(name)

  /**
   * Does what an operator asks.
   * @returns the id of the change once it is stored; of the last one of the instance when nothing was left to do.
   */
  async function operate(event: Extract<Event, { type: 'drain' | 'resume' | 'remove' }>, by: string): Promise<number> {
    const name = event.instance
    if (name === own().instance) {
      throw failedPrecondition('WRONG_STATE', `${name} is the Console itself: it cannot be taken out of the mesh.`)
    }
    const { instances, marks } = registry.state()
    const isKnown = instances.has(name) || (event.type !== 'drain' && marks.get(name)?.drained)
    if (!isKnown) throw notFound('instance', name)
    const { change } = registry.apply(event, by)
    await stored(`${event.type} of ${name}`)
    if (change > 0) return change
    const [latest] = await journal.list({ filter: `subject = "${instanceSubject(name)}"`, limit: 1 })
    // Its changes are so old that they were trimmed.
    return latest?.id ?? journal.last()
  }

  async function stored(what: string) {
    const isSaved = await Promise.race([journal.saved().then(() => true), wait(savedMs, false, { ref: false })])
    if (!isSaved) {
      const why = journal.problem()?.reason ?? 'MongoDB is slow'
      throw unavailable(
        `It is done (${what}), but not stored yet: ${why}. A Console that restarts before it is will not know of it.`,
      )
    }
  }

  const message = (name: string) => {
    const found = find(name)
    return found && instanceMessage(found, now())
  }

  return {
    push: pushing.push,
    askMetrics: pushing.askMetrics,
    handlers: {
      attach: (requests, call) => attach(requests, call, options, pushing),
      async listInstances({ service }) {
        const all = [...registry.state().instances.values(), own()]
        const wanted = all.filter(each => !service || each.service === service)
        const sorted = wanted.sort((a, b) => compare(a.service, b.service) || compare(a.instance, b.instance))
        return { instances: sorted.map(each => instanceMessage(each, now())) }
      },
      async getInstance({ instance: name }) {
        const instance = message(name)
        if (!instance) throw notFound('instance', name)
        return { instance }
      },
      watchInstances: ({ service }, { signal }) => watch(service, signal),
      async drainInstance({ instance, reason }, call) {
        const by = actorOf(call)
        const change = await operate({ type: 'drain', instance, by, reason, nowMs: now() }, by)
        return { instance: message(instance), change }
      },
      async resumeInstance({ instance }, call) {
        const change = await operate({ type: 'resume', instance }, actorOf(call))
        return { instance: message(instance), change }
      },
      async removeInstance({ instance }, call) {
        return { change: await operate({ type: 'remove', instance, nowMs: now() }, actorOf(call)) }
      },
      async removeService({ service }, call) {
        const known = registry.state().services.get(service)
        if (!known) throw notFound('service', service)
        if (known.emptySinceMs === undefined)
          throw failedPrecondition(
            'WRONG_STATE',
            `${service} has instances. Stop them first; a service is forgotten when it has none.`,
          )
        const { change } = registry.apply({ type: 'forget', service }, actorOf(call))
        await stored(`removal of ${service}`)
        return { change }
      },
      async getTraffic({ service }) {
        const traffic = trafficOf(registry.state(), service)
        if (!traffic) throw notFound('service', service)
        return traffic
      },
      async setTraffic({ service, weights }, call) {
        requireTraffic(registry.state(), service, weights)
        const { change } = registry.apply({ type: 'traffic', service, weights }, actorOf(call))
        await stored(`traffic of ${service}`)
        return {
          weights: [...(registry.state().services.get(service)?.traffic ?? [])],
          change: change || journal.last(),
        }
      },
      async rotateSecrets({ kind }, call) {
        const isKey = kind === SecretKind.SECRET_KIND_SIGNING_KEY
        const { kid, signTime, retireTime } = await (isKey ? options.keys : options.authorities).succeed()
        const subject = isKey ? `keys/${kid}` : `authorities/${kid}`
        journal.record({ actor: actorOf(call), action: isKey ? 'key.published' : 'ca.published', subject })
        return { successor: kid, signTime, retireTime }
      },
      async listProxies() {
        return { proxies: options.controlPlane.proxies() }
      },
    },
  }
}

/** @returns who calls, as the journal names it. The command line on the Console's machine shows a token of its own. */
export function actorOf(call: Call): string {
  const userId = userOf(call)
  return userId === 'operator' ? 'operator' : `users/${userId}`
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
