/** Serves snapshots to proxies: the only file of the control plane that touches a socket or a clock. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { create, fromBinary, type Message, toBinary } from '@bufbuild/protobuf'
import {
  type handleBidiStreamingCall,
  type Server,
  type ServerDuplexStream,
  type ServiceDefinition,
  status,
} from '@grpc/grpc-js'
import { type AdsInput, type AdsRequest, type AdsResponse, newStream, progressOf, type Stream, step } from './ads.ts'
import { envoyTypes } from './encode.ts'
import { type Snapshot, snapshotFrom, typeUrls } from './snapshot.ts'
import type { MeshState } from './state.ts'

export type Log = {
  info: (fields: Record<string, unknown>, message: string) => void
  warn: (fields: Record<string, unknown>, message: string) => void
}

/** What a connected proxy was sent and said. Empty strings where there is nothing yet. */
export type ProxyStatus = {
  nodeId: string
  connectTime: Date
  types: {
    typeUrl: string
    sentVersion: string
    ackedVersion: string
    /** The version refused last and why, while no later one was accepted. */
    nackedVersion: string
    nackReason: string
  }[]
}

export type ControlPlane = {
  /** Adds the discovery service to a server that is not started yet. */
  addTo: (server: Server) => void
  /**
   * Makes the state the one that proxies are to have. Changes close to each other go out as one; an instance that is taken
   * away goes out at once. Throws a StateError when the state cannot be used; the last good one stays in force.
   */
  publish: (state: MeshState) => void
  /** The connected proxies, sorted by node id. */
  proxies: () => ProxyStatus[]
  /**
   * Resolves when every connected proxy has answered for all that was published before the call, at the latest after
   * `timeoutMs`. `waitingFor` has the node ids of those that have not taken it: still busy, or refusing.
   */
  whenAcked: (timeoutMs: number) => Promise<{ waitingFor: string[] }>
  /** Ends all streams. */
  close: () => void
}

/** Changes wait for more to come: at least this long after the last one, at most that long after the first. Milliseconds. */
const quietMs = 30
const longestMs = 500

type Connection = { call: ServerDuplexStream<AdsRequest, AdsResponse>; connectTime: Date; stream: Stream }

/** Creates a control plane whose proxies must show `joinToken` in the metadata `x-site11-join-token`. */
export function createControlPlane({ joinToken, log }: { joinToken: string; log: Log }): ControlPlane {
  const connections = new Set<Connection>()
  const watchers = new Set<() => void>()
  let published: { snapshot: Snapshot; serving: Set<string> } | undefined
  let current: Snapshot | undefined
  let firstChange = 0
  let timer: NodeJS.Timeout | undefined

  const take = (connection: Connection, input: AdsInput) => {
    const { stream, responses } = step(connection.stream, input)
    connection.stream = stream
    for (const response of responses) connection.call.write(response)
    for (const notify of watchers) notify()
  }

  const flush = () => {
    clearTimeout(timer)
    timer = undefined
    if (!published || published.snapshot === current) return
    current = published.snapshot
    for (const connection of connections) take(connection, { kind: 'snapshot', snapshot: current })
  }

  const publish = (state: MeshState) => {
    const snapshot = snapshotFrom(state)
    const serving = servingInstances(state)
    const urgent = !published || [...published.serving].some(instance => !serving.has(instance))
    published = { snapshot, serving }
    if (urgent) return flush()
    const now = performance.now()
    if (!timer) firstChange = now
    clearTimeout(timer)
    timer = setTimeout(flush, Math.min(quietMs, firstChange + longestMs - now))
  }

  const handle: handleBidiStreamingCall<AdsRequest, AdsResponse> = call => {
    if (!sameSecret(String(call.metadata.get('x-site11-join-token')[0] ?? ''), joinToken)) {
      log.warn({ peer: call.getPeer() }, 'a proxy without the join token was refused')
      call.emit('error', {
        code: status.UNAUTHENTICATED,
        details: 'the metadata x-site11-join-token does not hold the join token',
      })
      return
    }
    const connection: Connection = { call, connectTime: new Date(), stream: newStream }
    connections.add(connection)
    if (current) take(connection, { kind: 'snapshot', snapshot: current })
    call.on('data', (request: AdsRequest) => {
      const known = connection.stream.nodeId !== ''
      take(connection, { kind: 'request', request })
      const { nodeId } = connection.stream
      if (!known && nodeId) log.info({ nodeId }, 'a proxy has connected')
      if (request.error !== undefined) {
        log.warn({ nodeId, typeUrl: request.typeUrl, reason: request.error }, 'a proxy refuses its configuration')
      }
    })
    const gone = () => {
      if (!connections.delete(connection)) return
      log.info({ nodeId: connection.stream.nodeId }, 'a proxy has gone')
      for (const notify of watchers) notify()
    }
    call.on('cancelled', gone)
    call.on('error', gone)
    call.on('end', () => {
      gone()
      call.end()
    })
  }

  const untaken = () =>
    [...connections].map(({ stream }) => ({
      nodeId: stream.nodeId,
      progress: published?.snapshot === stream.snapshot ? progressOf(stream) : 'waiting',
    }))

  const whenAcked = (timeoutMs: number) =>
    new Promise<{ waitingFor: string[] }>(resolve => {
      const finish = () => {
        clearTimeout(deadline)
        watchers.delete(check)
        resolve({
          waitingFor: untaken()
            .flatMap(each => (each.progress === 'accepted' ? [] : [each.nodeId]))
            .sort(),
        })
      }
      const check = () => {
        if (untaken().every(each => each.progress !== 'waiting')) finish()
      }
      const deadline = setTimeout(finish, timeoutMs)
      watchers.add(check)
      check()
    })

  return {
    addTo: server => server.addService(discoveryService, { streamAggregatedResources: handle }),
    publish,
    proxies: () => [...connections].map(proxyStatus).sort((a, b) => (a.nodeId < b.nodeId ? -1 : 1)),
    whenAcked,
    close: () => {
      clearTimeout(timer)
      for (const { call } of connections) call.end()
      connections.clear()
    },
  }
}

function servingInstances(state: MeshState): Set<string> {
  const all = state.services.flatMap(({ name, instances }) => instances.map(instance => ({ name, ...instance })))
  const serving = all.filter(({ healthy, draining }) => healthy && !draining)
  return new Set(serving.map(({ name, host, port }) => `${name} ${host} ${port}`))
}

function proxyStatus({ stream, connectTime }: Connection): ProxyStatus {
  const types = typeUrls.flatMap(typeUrl => {
    const subscription = stream.subscriptions[typeUrl]
    if (!subscription) return []
    const { sentVersion, ackedVersion, refused } = subscription
    return [
      { typeUrl, sentVersion, ackedVersion, nackedVersion: refused?.version ?? '', nackReason: refused?.reason ?? '' },
    ]
  })
  return { nodeId: stream.nodeId, connectTime, types }
}

function sameSecret(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(expected))
}

const requestType = messageType('envoy.service.discovery.v3.DiscoveryRequest')
const responseType = messageType('envoy.service.discovery.v3.DiscoveryResponse')

function messageType(name: string) {
  const type = envoyTypes.getMessage(name)
  if (!type) throw new Error(`proto/gen/envoy.binpb lacks ${name}: run npm run generate`)
  return type
}

/** The part of a DiscoveryRequest that is read. */
type DiscoveryRequest = Message & {
  typeUrl: string
  resourceNames: string[]
  responseNonce: string
  node?: { id: string }
  errorDetail?: { message: string }
}

function readRequest(bytes: Uint8Array): AdsRequest {
  const request = fromBinary(requestType, bytes) as DiscoveryRequest
  const { typeUrl, resourceNames, responseNonce, node, errorDetail } = request
  return { typeUrl, resourceNames, responseNonce, nodeId: node?.id ?? '', error: errorDetail?.message }
}

function writeResponse({ typeUrl, version, nonce, resources }: AdsResponse): Buffer {
  const any = resources.map(({ value }) => ({ $typeName: 'google.protobuf.Any', typeUrl, value }))
  const fields = { versionInfo: version, typeUrl, nonce, resources: any }
  return Buffer.from(toBinary(responseType, create(responseType, fields)))
}

const discoveryService: ServiceDefinition = {
  streamAggregatedResources: {
    path: '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources',
    requestStream: true,
    responseStream: true,
    requestDeserialize: readRequest,
    responseSerialize: writeResponse,
    requestSerialize: unused,
    responseDeserialize: unused,
  },
}

/** A definition has both directions; a server uses one. */
function unused(): never {
  throw new Error('this side is not a client')
}
