/** What attached instances are sent without being asked: keys, tokens, and the peers that each has asked for. */
import type { KeyObject } from 'node:crypto'
import type { AttachResponse } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import type { JSONWebKeySet } from 'jose'
import type { Authorities } from '../ca/authorities.ts'
import { type InternalToken, isDue, type Tokens } from '../tokens.ts'
import type { LiveRegistry } from './live-registry.ts'
import { type Instance, isServing } from './model.ts'
import type { Outbox } from './outbox.ts'

/** An attached instance, and what it was sent last. */
export interface Stream {
  outbox: Outbox<string, AttachResponse>
  service: string
  instance: string
  keys: string
  token: InternalToken | undefined
  /** That of its certificate. */
  publicKey: KeyObject | undefined
  /** Who has signed its certificate, and whom it believes. */
  trust: string
  watched: ReadonlySet<string>
}

export interface Pushing {
  /** Sends keys and a token, and what changes from then on. */
  add(stream: Stream): Promise<void>
  remove(stream: Stream): void
  /** Sends it a certificate for this key, and again when the authorities change. */
  certify(stream: Stream, publicKey: KeyObject): void
  /** Sends it the peers of these services, and of no others from then on. */
  watch(stream: Stream, services: string[]): void
  /** Asks an instance what it has measured of itself. @returns false when it is not attached. */
  askMetrics(instance: string, number: number): boolean
  /** Sends keys and certificates to every instance where they differ from what it has, and new tokens where they are due. */
  push(): void
}

/** How long the certificate of an instance is valid. ms. */
const certificateMs = 60 * 60_000

export interface PushOptions {
  authorities: Pick<Authorities, 'issue' | 'signer' | 'bundle'>
  /** How long the certificate of an instance is valid. ms. */
  certificateMs?: number
  registry: LiveRegistry
  tokens: Tokens
  jwks(): JSONWebKeySet
  /** The Console as one of the instances. */
  own(): Instance
  now(): number
}

/** The first change of a service's peers goes out at once, those close behind it together. ms. */
const spacingMs = 50

/** A service that somebody watches. */
interface Topic {
  service: string
  watchers: Set<Stream>
  /** What all of them have, or will be sent next. */
  addresses: string
  sentMs: number
  timer: NodeJS.Timeout | undefined
}

export function createPushing(options: PushOptions): Pushing {
  const { registry, tokens, authorities, jwks, own, now } = options
  const streams = new Set<Stream>()
  const topics = new Map<string, Topic>()
  let seen = registry.state().instances

  async function bringUpToDate(stream: Stream, keys: string) {
    if (keys !== stream.keys) stream.outbox.put('keys', { message: { $case: 'keys', value: { jwks: keys } } })
    stream.keys = keys
    if (stream.token === undefined || isDue(stream.token, now())) {
      stream.token = await tokens.internal(stream.service)
      stream.outbox.put('internalToken', { message: { $case: 'internalToken', value: stream.token } })
    }
  }

  function certifyAnew(stream: Stream, trust: string) {
    const { service, instance, publicKey } = stream
    if (!publicKey || stream.trust === trust) return
    stream.trust = trust
    const lifeMs = options.certificateMs ?? certificateMs
    const { chain, createTime, expireTime } = authorities.issue({ service, instance }, publicKey, lifeMs)
    const value = {
      chain,
      trustBundle: authorities.bundle(),
      publicKey: publicKey.export({ type: 'spki', format: 'der' }),
      createTime,
      expireTime,
    }
    stream.outbox.put('certificate', { message: { $case: 'certificate', value } })
  }
  const presentTrust = () => `${authorities.signer()}\n${authorities.bundle()}`

  const addressesOf = (service: string) => {
    const found = service === own().service ? [own()] : [...registry.state().instances.values()]
    return found
      .filter(each => each.service === service && isServing(each))
      .map(({ ip, port }) => `${ip}:${port}`)
      .sort()
      .join()
  }

  function sendIfChanged(topic: Topic) {
    topic.timer = undefined
    const addresses = addressesOf(topic.service)
    if (addresses === topic.addresses) return
    topic.addresses = addresses
    topic.sentMs = performance.now()
    const message = peersMessage(topic)
    for (const { outbox } of topic.watchers) outbox.put(`peers ${topic.service}`, message)
  }

  let following: NodeJS.Immediate | undefined
  registry.onChange(change => {
    if (change > 0 && !following) following = setImmediate(follow)
  })

  /** What happens in one turn of the event loop is looked at once. */
  function follow() {
    following = undefined
    const { instances } = registry.state()
    for (const service of servicesThatDiffer(seen, instances)) {
      const topic = topics.get(service)
      if (!topic || topic.timer) continue
      const waitMs = topic.sentMs + spacingMs - performance.now()
      if (waitMs <= 0) sendIfChanged(topic)
      else topic.timer = setTimeout(sendIfChanged, waitMs, topic)
    }
    seen = instances
  }

  function unwatch(stream: Stream, service: string) {
    const topic = topics.get(service)
    topic?.watchers.delete(stream)
    if (!topic || topic.watchers.size > 0) return
    clearTimeout(topic.timer)
    topics.delete(service)
  }

  function topicOf(service: string): Topic {
    const known = topics.get(service)
    if (known) return known
    const addresses = addressesOf(service)
    const topic = { service, watchers: new Set<Stream>(), addresses, sentMs: 0, timer: undefined }
    topics.set(service, topic)
    return topic
  }

  return {
    async add(stream) {
      streams.add(stream)
      await bringUpToDate(stream, JSON.stringify(jwks()))
    },
    remove(stream) {
      streams.delete(stream)
      for (const service of stream.watched) unwatch(stream, service)
    },
    certify(stream, publicKey) {
      stream.publicKey = publicKey
      stream.trust = ''
      certifyAnew(stream, presentTrust())
    },
    watch(stream, services) {
      const wanted = new Set(services)
      for (const service of stream.watched) if (!wanted.has(service)) unwatch(stream, service)
      for (const service of wanted) {
        if (stream.watched.has(service)) continue
        const topic = topicOf(service)
        topic.watchers.add(stream)
        stream.outbox.put(`peers ${service}`, peersMessage(topic))
      }
      stream.watched = wanted
    },
    askMetrics(instance, number) {
      const stream = [...streams].findLast(each => each.instance === instance)
      stream?.outbox.put('metricsRequest', { message: { $case: 'metricsRequest', value: { number } } })
      return stream !== undefined
    },
    push() {
      const keys = JSON.stringify(jwks())
      const trust = presentTrust()
      for (const stream of streams) certifyAnew(stream, trust)
      for (const stream of streams) void bringUpToDate(stream, keys).catch(error => stream.outbox.end(error))
    },
  }
}

function peersMessage({ service, addresses }: Topic): AttachResponse {
  const peers = addresses ? addresses.split(',').map(address => ({ service, address })) : []
  return { message: { $case: 'peers', value: { service, peers } } }
}

/** @returns the services of all instances that are not as they were. */
function servicesThatDiffer(before: ReadonlyMap<string, Instance>, after: ReadonlyMap<string, Instance>): Set<string> {
  const found = new Set<string>()
  for (const [name, instance] of after) {
    const was = before.get(name)
    if (was === instance) continue
    found.add(instance.service)
    if (was) found.add(was.service)
  }
  for (const [name, { service }] of before) if (!after.has(name)) found.add(service)
  return found
}
