/** A simulated proxy: an ADS stream that asks as Envoy does, accepts everything, and tells which endpoints it has. */
import { joinTokenHeader } from '@site11/runtime/attach.ts'
import {
  type Endpoints,
  paths,
  type Request,
  type Response,
  readEndpoints,
  readResponse,
  referencesOf,
  typeUrls,
  type Variant,
  writeRequest,
} from './envoy-api.ts'
import { type Call, openCall, openSession } from './grpc.ts'

export interface ProxyOptions {
  /** `host:port` of the Console. */
  console: string
  joinToken: string
  /** The authorities of the mesh, PEM. */
  trust: string
  nodeId: string
  variant: Variant
  /** How long it takes to answer. ms. */
  answerMs: number
  /** Answers the first response of each type and no other. */
  stuck: boolean
  /** The endpoints of a cluster changed. `after` is undefined when the cluster is gone. */
  onEndpoints(before: Endpoints | undefined, after: Endpoints | undefined): void
}

export interface SimulatedProxy {
  endpoints: ReadonlyMap<string, Endpoints>
  received: { responses: number; resources: number; bytes: number }
  /** Answers everything from now on, what it has not answered yet included. */
  unstick(): void
  close(): void
}

/** As Envoy is told by envoy/bootstrap.ts. */
const againMs = 250

interface Subscription {
  names: string[]
  version: string
  nonce: string
}

export function startProxy(options: ProxyOptions): SimulatedProxy {
  const { variant, onEndpoints } = options
  const endpoints = new Map<string, Endpoints>()
  const clusters = new Set<string>()
  const subscriptions = new Map<string, Subscription>()
  const answered = new Set<string>()
  const unanswered: (() => void)[] = []
  const received = { responses: 0, resources: 0, bytes: 0 }
  let { stuck } = options
  let closed = false
  let call: Call

  /** One life of the stream; when it breaks, another one follows. What it has it keeps. */
  function connect() {
    const session = openSession(options.console, options.trust)
    const metadata = { [joinTokenHeader]: options.joinToken }
    subscriptions.clear()
    answered.clear()
    call = openCall(session, paths[variant], metadata, {
      onMessage(bytes) {
        const response = readResponse(variant, bytes)
        received.responses++
        received.resources += response.resources.length
        received.bytes += bytes.length
        take(response)
      },
      onEnd() {
        session.close()
        if (!closed) setTimeout(connect, againMs)
      },
    })
    subscribe(typeUrls.clusters, [])
    subscribe(typeUrls.listeners, [])
  }

  function send(request: Request) {
    const node = { id: options.nodeId, cluster: 'bench', userAgentName: 'bench' }
    call.write(writeRequest(variant, subscriptions.size === 0 ? { node, ...request } : request))
  }

  /** Asks for these and no other; clusters and listeners, of which none is named, are asked for as a whole. */
  function subscribe(typeUrl: string, names: string[]) {
    const before = subscriptions.get(typeUrl)
    const added = names.filter(name => !before?.names.includes(name))
    const gone = before?.names.filter(name => !names.includes(name)) ?? []
    if (before && added.length === 0 && gone.length === 0) return
    const { version = '', nonce = '' } = before ?? {}
    send(
      variant === 'sotw'
        ? { typeUrl, versionInfo: version, responseNonce: nonce, resourceNames: names }
        : { typeUrl, responseNonce: '', resourceNamesSubscribe: added, resourceNamesUnsubscribe: gone },
    )
    subscriptions.set(typeUrl, { names, version, nonce })
  }

  function answer({ typeUrl, nonce, versionInfo }: Response) {
    const subscription = subscriptions.get(typeUrl)
    if (!subscription) return
    subscription.version = versionInfo
    subscription.nonce = nonce
    send(
      variant === 'sotw'
        ? { typeUrl, versionInfo, responseNonce: nonce, resourceNames: subscription.names }
        : { typeUrl, responseNonce: nonce },
    )
  }

  function take(response: Response) {
    const { typeUrl, resources, removed } = response
    const received = call
    const done = () => {
      if (closed || call !== received) return
      answer(response)
      if (typeUrl === typeUrls.clusters) subscribe(typeUrls.endpoints, [...clusters].sort())
      if (typeUrl === typeUrls.listeners) {
        const references = resources.map(({ value }) => referencesOf(value))
        const names = (kind: 'extensions' | 'routes') => [...new Set(references.flatMap(each => each[kind]))].sort()
        for (const kind of ['extensions', 'routes'] as const) subscribe(typeUrls[kind], names(kind))
      }
    }
    if (typeUrl === typeUrls.endpoints) {
      for (const { name, value } of resources) keep(name, readEndpoints(name, value))
    }
    if (typeUrl === typeUrls.clusters) {
      if (variant === 'sotw') clusters.clear()
      for (const { name } of resources) clusters.add(name)
      for (const name of removed) clusters.delete(name)
      for (const name of endpoints.keys()) if (!clusters.has(name)) keep(name, undefined)
    }
    if (stuck && answered.has(typeUrl)) return unanswered.push(done)
    answered.add(typeUrl)
    if (options.answerMs > 0) return setTimeout(done, options.answerMs)
    return done()
  }

  function keep(cluster: string, after: Endpoints | undefined) {
    const before = endpoints.get(cluster)
    if (before === after) return
    if (after) endpoints.set(cluster, after)
    else endpoints.delete(cluster)
    onEndpoints(before, after)
  }

  connect()
  return {
    endpoints,
    received,
    unstick() {
      stuck = false
      for (const done of unanswered.splice(0)) done()
    },
    close() {
      closed = true
      call.end()
    },
  }
}
