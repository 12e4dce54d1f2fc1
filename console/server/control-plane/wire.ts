/** The discovery service on the wire, for both variants of the protocol: binary requests in, binary responses out. */
import { create, fromBinary, type Message, toBinary } from '@bufbuild/protobuf'
import type { ServiceDefinition } from '@grpc/grpc-js'
import type { AdsInput, AdsResponse } from './ads.ts'
import { messageType } from './encode.ts'
import type { Node } from './node.ts'

/** `node` is there in the first request of a stream; of the others only some have it. */
export type WireRequest = { node: Node | undefined; input: Exclude<AdsInput, { kind: 'snapshot' }> }

const sotwRequest = messageType('envoy.service.discovery.v3.DiscoveryRequest')
const sotwResponse = messageType('envoy.service.discovery.v3.DiscoveryResponse')
const deltaRequest = messageType('envoy.service.discovery.v3.DeltaDiscoveryRequest')
const deltaResponse = messageType('envoy.service.discovery.v3.DeltaDiscoveryResponse')

type NodeMessage = {
  id: string
  userAgentName: string
  userAgentVersionType:
    | { case: 'userAgentVersion'; value: string }
    | {
        case: 'userAgentBuildVersion'
        value: { version?: { majorNumber: number; minorNumber: number; patch: number } }
      }
    | { case: undefined }
  metadata?: Record<string, unknown>
}

/** What both kinds of requests have, as far as it is read. */
type Request = Message & {
  typeUrl: string
  node?: NodeMessage
  responseNonce: string
  errorDetail?: { message: string }
}
type SotwMessage = Request & { resourceNames: string[] }
type DeltaMessage = Request & {
  resourceNamesSubscribe: string[]
  resourceNamesUnsubscribe: string[]
  initialResourceVersions: Record<string, string>
}

export function readSotw(bytes: Uint8Array): WireRequest {
  const message = fromBinary(sotwRequest, bytes) as SotwMessage
  const { node, ...common } = commonOf(message)
  return { node, input: { kind: 'sotw', request: { ...common, resourceNames: message.resourceNames } } }
}

export function readDelta(bytes: Uint8Array): WireRequest {
  const message = fromBinary(deltaRequest, bytes) as DeltaMessage
  const { node, ...common } = commonOf(message)
  const request = {
    ...common,
    subscribe: message.resourceNamesSubscribe,
    unsubscribe: message.resourceNamesUnsubscribe,
    initialVersions: message.initialResourceVersions,
  }
  return { node, input: { kind: 'delta', request } }
}

function commonOf({ typeUrl, node, responseNonce, errorDetail }: Request) {
  const error = errorDetail?.message
  return { typeUrl, nodeId: node?.id ?? '', responseNonce, error, node: node && nodeOf(node) }
}

function nodeOf({ id, userAgentName, userAgentVersionType: agent, metadata = {} }: NodeMessage): Node {
  return { id, program: userAgentName, version: versionOf(agent), metadata }
}

function versionOf(agent: NodeMessage['userAgentVersionType']): string {
  if (agent.case === 'userAgentVersion') return agent.value
  const version = agent.case === 'userAgentBuildVersion' ? agent.value.version : undefined
  return version ? `${version.majorNumber}.${version.minorNumber}.${version.patch}` : ''
}

export function writeSotw({ typeUrl, version, nonce, resources }: AdsResponse): Buffer {
  const any = resources.map(({ value }) => ({ $typeName: 'google.protobuf.Any', typeUrl, value }))
  const fields = { versionInfo: version, typeUrl, nonce, resources: any }
  return Buffer.from(toBinary(sotwResponse, create(sotwResponse, fields)))
}

/** The version of each resource is its hash: what a client says to have after a reconnect is compared with that. */
export function writeDelta({ typeUrl, version, nonce, resources, removed }: AdsResponse): Buffer {
  const all = resources.map(({ name, hash, value }) => ({
    name,
    version: hash,
    resource: { $typeName: 'google.protobuf.Any', typeUrl, value },
  }))
  const fields = { systemVersionInfo: version, typeUrl, nonce, resources: all, removedResources: removed }
  return Buffer.from(toBinary(deltaResponse, create(deltaResponse, fields)))
}

const service = '/envoy.service.discovery.v3.AggregatedDiscoveryService'

export const discoveryService: ServiceDefinition = {
  streamAggregatedResources: method('StreamAggregatedResources', readSotw, writeSotw),
  deltaAggregatedResources: method('DeltaAggregatedResources', readDelta, writeDelta),
}

function method(name: string, read: (bytes: Uint8Array) => WireRequest, write: (response: AdsResponse) => Buffer) {
  return {
    path: `${service}/${name}`,
    requestStream: true,
    responseStream: true,
    requestDeserialize: read,
    responseSerialize: write,
    requestSerialize: unused,
    responseDeserialize: unused,
  }
}

/** A definition has both directions; a server uses one. */
function unused(): never {
  throw new Error('this side is not a client')
}
