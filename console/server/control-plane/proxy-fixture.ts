/** For tests: a proxy reduced to a stream, which asks and answers as it is told to. */
import { create, fromBinary, type JsonObject, toBinary } from '@bufbuild/protobuf'
import { Client, Metadata } from '@grpc/grpc-js'
import { testProxy } from '@site11/runtime/test-identity.ts'
import type { Variant } from './ads.ts'
import { messageType } from './encode.ts'
import { until } from './testbed.ts'

type Response = {
  typeUrl: string
  /** Of the type as a whole. */
  version: string
  nonce: string
  resources: { name: string; value: Uint8Array }[]
}
type SotwResponse = Omit<Response, 'version'> & { versionInfo: string }
type DeltaResponse = Omit<Response, 'version' | 'resources'> & {
  systemVersionInfo: string
  resources: { name: string; resource: { value: Uint8Array } }[]
}

const of = (name: string) => messageType(`envoy.service.discovery.v3.${name}`)
const [sotwRequest, sotwResponse] = [of('DiscoveryRequest'), of('DiscoveryResponse')]
const [deltaRequest, deltaResponse] = [of('DeltaDiscoveryRequest'), of('DeltaDiscoveryResponse')]

type Options = {
  nodeId?: string
  /** In the metadata of the call. */
  token?: string
  variant?: Variant
  program?: string
  metadata?: JsonObject
}

/** Opens a stream. What it receives is in `received`. */
export function connectProxy(
  port: number,
  { nodeId = 'edge-1', token, variant = 'sotw', program = 'test', metadata = {} }: Options = {},
) {
  const client = new Client(`127.0.0.1:${port}`, testProxy.joining(), { 'grpc.ssl_target_name_override': 'console' })
  const headers = new Metadata()
  if (token !== undefined) headers.set('x-site11-join-token', token)
  const method = variant === 'sotw' ? 'StreamAggregatedResources' : 'DeltaAggregatedResources'
  const type = variant === 'sotw' ? sotwRequest : deltaRequest
  const call = client.makeBidiStreamRequest(
    `/envoy.service.discovery.v3.AggregatedDiscoveryService/${method}`,
    (fields: Record<string, unknown>) => Buffer.from(toBinary(type, create(type, fields))),
    variant === 'sotw' ? readSotw : readDelta,
    headers,
  )
  const received: Response[] = []
  const ended = new Promise<number>(resolve => {
    call.on('status', ({ code }) => resolve(code))
    call.on('error', () => {})
  })
  call.on('data', (response: Response) => received.push(response))
  /** Asks for resources of a type, all when none is named; or answers the response with this nonce. */
  const ask = (typeUrl: string, names: string[] = [], responseNonce = '', error = '') => {
    const resources =
      variant === 'sotw' ? { resourceNames: names } : { resourceNamesSubscribe: responseNonce ? [] : names }
    call.write({
      node: { id: nodeId, userAgentName: program, metadata },
      typeUrl,
      ...resources,
      responseNonce,
      ...(error && { errorDetail: { code: 3, message: error } }),
    })
  }
  /** Waits for the response of this index and answers it. */
  const answer = async (index: number, { names = [], error = '' }: { names?: string[]; error?: string } = {}) => {
    const response = await until(`response ${index}`, () => received[index])
    ask(response.typeUrl, names, response.nonce, error)
    return response
  }
  const close = () => client.close()
  return { ask, answer, received, ended, cancel: () => call.cancel(), end: () => call.end(), close }
}

function readSotw(bytes: Buffer): Response {
  const { typeUrl, versionInfo, nonce, resources } = fromBinary(sotwResponse, bytes) as unknown as SotwResponse
  return { typeUrl, version: versionInfo, nonce, resources: resources.map(({ value }) => ({ name: '', value })) }
}

function readDelta(bytes: Buffer): Response {
  const { typeUrl, systemVersionInfo, nonce, resources } = fromBinary(deltaResponse, bytes) as unknown as DeltaResponse
  const all = resources.map(({ name, resource }) => ({ name, value: resource.value }))
  return { typeUrl, version: systemVersionInfo, nonce, resources: all }
}
