/** The part of the xDS messages that a simulated proxy reads and writes. */
import { readFileSync } from 'node:fs'
import { create, createFileRegistry, type DescMessage, fromBinary, type Message, toBinary } from '@bufbuild/protobuf'
import { type Any, AnySchema, anyUnpack, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { envoyDescriptors } from '@site11/proto/descriptors'

export type Variant = 'sotw' | 'delta'

const types = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(envoyDescriptors)))

function messageType(name: string): DescMessage {
  const type = types.getMessage(name)
  if (!type) throw new Error(`proto/gen/envoy.binpb lacks ${name}: run npm run generate`)
  return type
}

const discovery = 'envoy.service.discovery.v3'
export const paths: Record<Variant, string> = {
  sotw: `/${discovery}.AggregatedDiscoveryService/StreamAggregatedResources`,
  delta: `/${discovery}.AggregatedDiscoveryService/DeltaAggregatedResources`,
}
const requests = {
  sotw: messageType(`${discovery}.DiscoveryRequest`),
  delta: messageType(`${discovery}.DeltaDiscoveryRequest`),
}
const responses = {
  sotw: messageType(`${discovery}.DiscoveryResponse`),
  delta: messageType(`${discovery}.DeltaDiscoveryResponse`),
}

export const typeUrls = {
  clusters: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  endpoints: 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
  listeners: 'type.googleapis.com/envoy.config.listener.v3.Listener',
  extensions: 'type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig',
  routes: 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
}

export interface Request {
  node?: { id: string; cluster: string; userAgentName: string }
  typeUrl: string
  responseNonce: string
  versionInfo?: string
  resourceNames?: string[]
  resourceNamesSubscribe?: string[]
  resourceNamesUnsubscribe?: string[]
}

export function writeRequest(variant: Variant, request: Request): Uint8Array {
  return toBinary(requests[variant], create(requests[variant], { ...request }))
}

/** A response of either variant. */
export interface Response {
  typeUrl: string
  nonce: string
  /** Empty in the delta variant. */
  versionInfo: string
  resources: { name: string; value: Uint8Array }[]
  removed: string[]
}

export function readResponse(variant: Variant, bytes: Uint8Array): Response {
  if (variant === 'sotw') {
    const response = fromBinary(responses.sotw, bytes) as Message & Response & { resources: Any[] }
    const resources = response.resources.map(({ value }) => ({ name: firstText(value), value }))
    return { ...response, resources, removed: [] }
  }
  type Delta = Message &
    Omit<Response, 'resources'> & { removedResources: string[]; resources: { name: string; resource?: Any }[] }
  const response = fromBinary(responses.delta, bytes) as Delta
  const resources = response.resources.map(({ name, resource }) => ({
    name,
    value: resource?.value ?? new Uint8Array(),
  }))
  return { ...response, versionInfo: '', resources, removed: response.removedResources }
}

/** The name of a resource: its first field. A name is shorter than 128 bytes here. */
function firstText(message: Uint8Array): string {
  if (message[0] !== 0x0a || (message[1] ?? 128) > 127) throw new Error('A resource that does not begin with its name.')
  return Buffer.from(message.buffer, message.byteOffset + 2, message[1]).toString()
}

/** As in envoy.config.core.v3.HealthStatus. */
export const health = { healthy: 1, unhealthy: 2, draining: 3 }

/** The health of each endpoint by its port: all of them are on loopback. */
export type Endpoints = ReadonlyMap<number, number>

const assignment = messageType('envoy.config.endpoint.v3.ClusterLoadAssignment')
interface Assignment {
  endpoints: {
    lbEndpoints: {
      healthStatus: number
      hostIdentifier: { value: { address: { address: { value: { portSpecifier: { value: number } } } } } }
    }[]
  }[]
}

/** Ten proxies are sent the same: each assignment is read once. A few versions of each cluster may be on their way at once. */
const read = new Map<string, { value: Uint8Array; endpoints: Endpoints }[]>()
const rememberedVersions = 8

/** @returns the endpoints of an assignment; of equal ones the same object. */
export function readEndpoints(cluster: string, value: Uint8Array): Endpoints {
  const known = read.get(cluster) ?? []
  const found = known.find(each => Buffer.compare(each.value, value) === 0)
  if (found) return found.endpoints
  const { endpoints: localities } = fromBinary(assignment, value) as unknown as Assignment
  const endpoints = new Map(
    localities.flatMap(({ lbEndpoints }) =>
      lbEndpoints.map(({ healthStatus, hostIdentifier }) => [
        hostIdentifier.value.address.address.value.portSpecifier.value,
        healthStatus,
      ]),
    ),
  )
  read.set(cluster, [{ value: value.slice(), endpoints }, ...known].slice(0, rememberedVersions))
  return endpoints
}

/** The names of the filters that a listener gets by extension discovery, and of its routes. */
export function referencesOf(listener: Uint8Array): { extensions: string[]; routes: string[] } {
  const extensions = new Set<string>()
  const routes = new Set<string>()
  const any = create(AnySchema, { typeUrl: typeUrls.listeners, value: listener })
  visit(anyUnpack(any, types), message => {
    const { configType, name, routeSpecifier } = message as {
      configType?: { case?: string }
      name?: string
      routeSpecifier?: { case?: string; value?: { routeConfigName: string } }
    }
    if (configType?.case === 'configDiscovery' && name) extensions.add(name)
    if (routeSpecifier?.case === 'rds' && routeSpecifier.value) routes.add(routeSpecifier.value.routeConfigName)
  })
  return { extensions: [...extensions], routes: [...routes] }
}

/** Goes through a message and all within, packed ones included. */
function visit(value: unknown, see: (message: object) => void): void {
  if (Array.isArray(value)) for (const each of value) visit(each, see)
  else if (value instanceof Uint8Array || typeof value !== 'object' || value === null) return
  else if ('$typeName' in value && value.$typeName === AnySchema.typeName) visit(anyUnpack(value as Any, types), see)
  else {
    see(value)
    for (const each of Object.values(value)) visit(each, see)
  }
}
