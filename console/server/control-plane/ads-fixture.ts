/** For tests of the protocol: snapshots whose resources are names and versions, and a stream driven by hand. */
import { type AdsInput, type AdsResponse, newStream, progressOf, type Stream, step, type Variant } from './ads.ts'
import {
  clusterType,
  endpointType,
  extensionType,
  listenerType,
  type Resource,
  routeType,
  type Snapshot,
  secretType,
  type TypeUrl,
} from './snapshot.ts'

/** `{ users: 1 }` is the resource `users` in its first version. */
export type Versions = Record<string, number>

export function resources(versions: Versions, onDemand = false): [string, Resource][] {
  return Object.entries(versions).map(([name, version]) => [
    name,
    { name, hash: `${name}@${version}`, value: Buffer.of(version), ...(onDemand && { onDemand }) },
  ])
}

/** By default all is there once, in its first version; `onDemand` adds clusters, listeners and routes of that name. */
export function testSnapshot(
  clusters: Versions,
  {
    endpoints = clusters,
    listeners = { edge: 1 },
    extensions = { jwt: 1 },
    routes = { edge: 1 },
    secrets = { edge: 1 },
    onDemand = {},
  }: Partial<Record<'endpoints' | 'listeners' | 'extensions' | 'routes' | 'secrets' | 'onDemand', Versions>> = {},
): Snapshot {
  const asked = resources(onDemand, true)
  return {
    [clusterType]: new Map([...resources(clusters), ...asked]),
    [endpointType]: new Map(resources(endpoints)),
    [listenerType]: new Map([...resources(listeners), ...asked]),
    [extensionType]: new Map(resources(extensions)),
    [routeType]: new Map([...resources(routes), ...asked]),
    [secretType]: new Map(resources(secrets)),
  }
}

/** The input by which a client that asked for `before` asks for `names`, in words of the variant. */
export function request(
  variant: Variant,
  typeUrl: string,
  names: readonly string[],
  {
    before = [],
    nodeId = '',
    nonce = '',
    error,
    has = {},
  }: { before?: readonly string[]; nodeId?: string; nonce?: string; error?: string; has?: Record<string, string> } = {},
): AdsInput {
  const both = { typeUrl, nodeId, responseNonce: nonce, error }
  if (variant === 'sotw') return { kind: 'sotw', request: { ...both, resourceNames: [...names] } }
  const subscribe = names.filter(name => !before.includes(name))
  const unsubscribe = before.filter(name => !names.includes(name))
  return { kind: 'delta', request: { ...both, subscribe, unsubscribe, initialVersions: has } }
}

/** Drives one stream by hand. Responses are shown as `[type, ...versions, ...names removed with a dash before them]`. */
export function session(variant: Variant, first?: Snapshot) {
  let stream: Stream = newStream(variant)
  const nonces: Partial<Record<string, string>> = {}
  const names: Partial<Record<string, string[]>> = {}
  const feed = (input: AdsInput) => {
    const result = step(stream, input)
    stream = result.stream
    for (const { typeUrl, nonce } of result.responses) nonces[typeUrl] = nonce
    return result.responses.map(shown)
  }
  /** Asks for exactly these, by name; this answers the last response, unless `nonce` says otherwise. */
  const ask = (
    typeUrl: string,
    wanted: string[] = [],
    more: { nonce?: string; error?: string; has?: Record<string, string> } = {},
  ) => {
    const nodeId = stream.nodeId ? '' : 'edge-1'
    const input = request(variant, typeUrl, wanted, { before: names[typeUrl], nodeId, nonce: nonces[typeUrl], ...more })
    names[typeUrl] = wanted
    return feed(input)
  }
  const publish = (next: Snapshot) => feed({ kind: 'snapshot', snapshot: next })
  if (first) publish(first)
  return {
    feed,
    ask,
    publish,
    ack: (typeUrl: TypeUrl) => ask(typeUrl, names[typeUrl]),
    nack: (typeUrl: TypeUrl, error = 'no') => ask(typeUrl, names[typeUrl], { error }),
    stream: () => stream,
    progress: () => progressOf(stream),
    accepted: (typeUrl: TypeUrl) =>
      [...(stream.subscriptions[typeUrl]?.accepted.values() ?? [])].map(({ hash }) => hash).sort(),
    refused: (typeUrl: TypeUrl) => stream.subscriptions[typeUrl]?.refused,
  }
}

/** Subscribes as Envoy does and acknowledges everything. */
export function started(variant: Variant, first: Snapshot, clusters: string[]) {
  const s = session(variant, first)
  const names = { [endpointType]: clusters, [extensionType]: ['jwt'], [routeType]: ['edge'], [secretType]: ['edge'] }
  s.ask(clusterType)
  s.ask(endpointType, clusters)
  s.ack(endpointType)
  s.ack(clusterType)
  for (const type of [listenerType, extensionType, routeType, secretType] as const) {
    s.ask(type, type === listenerType ? [] : names[type])
    s.ack(type)
  }
  return s
}

function shown({ typeUrl, resources, removed }: AdsResponse): string[] {
  const hashes = resources.map(({ hash, name }) => (hash.includes('@') ? hash : `${name}@empty`))
  return [typeUrl, ...hashes.sort(), ...removed.map(name => `-${name}`).sort()]
}
