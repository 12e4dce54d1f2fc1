/** The ways in: the edge over each of its protocols, and a service called directly. Each tells what became of an empty call. */
import { type DescMethod, fromBinary, getOption, hasOption } from '@bufbuild/protobuf'
import { anyUnpack } from '@bufbuild/protobuf/wkt'
import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js'
import { http } from '@site11/proto/es/google/api/annotations_pb.ts'
import { ErrorInfoSchema } from '@site11/proto/es/google/rpc/error_details_pb.ts'
import { StatusSchema } from '@site11/proto/es/google/rpc/status_pb.ts'
import { clientTo } from '@site11/runtime/test-identity.ts'
import { mesh } from './api.ts'
import type { Proof } from './credentials.ts'
import { identityOf } from './identity.ts'

/** `code` is that of gRPC; 0 also for a stream that has begun, or waits for something to tell: it was let in. */
export interface Result {
  code: number
  /** Of ErrorInfo; empty when there is none. */
  reason: string
  /** Whether a service says so, not the proxy before it: only services give a RequestInfo with the id of the trace, which has no dashes. */
  byService: boolean
}

export interface Door {
  name: string
  edge: boolean
  /** @param proof what the token proves, and so who calls. */
  call(method: DescMethod, token: string | undefined, proof: Proof): Promise<Result>
}

const letIn: Result = { code: 0, reason: '', byService: true }
const noAnswer: Result = { code: 4, reason: '', byService: false }
/** A refusal comes at once. ms. */
const patienceMs = { unary: 5000, stream: 400 }
/** What becomes of a call that is not answered within the patience. */
const silenceOf = ({ methodKind }: DescMethod) => (methodKind === 'unary' ? noAnswer : letIn)
const patienceOf = ({ methodKind }: DescMethod) => (methodKind === 'unary' ? patienceMs.unary : patienceMs.stream)
const pathOf = ({ parent, name }: DescMethod) => `/${parent.typeName}/${name}`
const bearer = (token: string | undefined): Record<string, string> =>
  token === undefined ? {} : { authorization: `Bearer ${token}` }

/** One message without fields. */
const emptyFrame = Buffer.alloc(5)

/** @returns a door to the edge over gRPC. */
export function edgeDoor(): Door & { close(): void } {
  const client = new Client(new URL(mesh.url).host, credentials.createInsecure(), { 'grpc.enable_channelz': 0 })
  const call = (method: DescMethod, token: string | undefined) => callOver(client, method, token)
  return { name: 'gRPC at the edge', edge: true, call, close: () => client.close() }
}

/**
 * @returns a door to an instance. Users' tokens come over the connection of a proxy, services' tokens over their own: a token counts
 * over no other.
 */
export function instanceDoor(name: string, service: string, address: string): Door & { close(): Promise<void> } {
  const clients = new Map<string, Promise<Client>>()
  const clientOf = (caller: string | undefined) => {
    const peer = caller ? { service: caller, instance: `${caller}-9` } : { proxy: 'envoy-1' }
    const known = clients.get(caller ?? '') ?? identityOf(peer).then(identity => clientTo(address, service, identity))
    clients.set(caller ?? '', known)
    return known
  }
  return {
    name,
    edge: false,
    call: async (method, token, proof) =>
      callOver(await clientOf(proof.kind === 'service' ? proof.service : undefined), method, token),
    async close() {
      for (const client of clients.values()) (await client).close()
    },
  }
}

const asIs = (bytes: Buffer) => bytes

function callOver(client: Client, method: DescMethod, token: string | undefined): Promise<Result> {
  return new Promise<Result>(resolve => {
    const metadata = new Metadata()
    for (const [key, value] of Object.entries(bearer(token))) metadata.set(key, value)
    const stream = client.makeServerStreamRequest(pathOf(method), asIs, asIs, Buffer.alloc(0), metadata)
    const end = (result: Result) => {
      clearTimeout(timer)
      stream.cancel()
      resolve(result)
    }
    const timer = setTimeout(() => end(silenceOf(method)), patienceOf(method))
    stream.on('data', () => end(letIn))
    stream.on('end', () => end(letIn))
    stream.on('error', ({ code, metadata }: ServiceError) => {
      const [bytes] = metadata.get('grpc-status-details-bin')
      end({ code, ...detailsIn(bytes instanceof Buffer ? bytes : Buffer.alloc(0)) })
    })
  })
}

export const webDoor: Door = {
  name: 'gRPC-Web at the edge',
  edge: true,
  async call(method, token) {
    const headers = { 'content-type': 'application/grpc-web+proto', 'x-grpc-web': '1', ...bearer(token) }
    const response = await answer(pathOf(method), { method: 'POST', headers, body: emptyFrame }, patienceOf(method))
    if (!response) return silenceOf(method)
    const trailers = new Map(response.headers)
    const { bytes } = response
    for (let at = 0; at + 5 <= bytes.length; at += 5 + bytes.readUInt32BE(at + 1)) {
      if (((bytes[at] ?? 0) & 0x80) === 0) return letIn
      const text = bytes.subarray(at + 5, at + 5 + bytes.readUInt32BE(at + 1)).toString('latin1')
      for (const line of text.split('\r\n').filter(Boolean)) {
        trailers.set(line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim())
      }
    }
    const details = trailers.get('grpc-status-details-bin')
    // What is not gRPC-Web at all must not count as let in.
    return { code: Number(trailers.get('grpc-status') ?? -1), ...detailsIn(Buffer.from(details ?? '', 'base64')) }
  },
}

/** What has no REST path is tried under its gRPC path. */
export const restDoor: Door = {
  name: 'REST at the edge',
  edge: true,
  async call(method, token) {
    const { verb, path, body } = hasOption(method, http)
      ? boundTo(method)
      : { verb: 'post', path: pathOf(method), body: '{}' }
    const headers = { ...bearer(token), ...(body !== undefined && { 'content-type': 'application/json' }) }
    const request = { method: verb.toUpperCase(), headers, body: body ?? null }
    const response = await answer(path, request, patienceOf(method))
    if (!response) return silenceOf(method)
    if (response.status === 200) return letIn
    // 415 and 404 are how REST says that there is no such method.
    if (!hasOption(method, http) && [404, 415].includes(response.status))
      return { code: 12, reason: '', byService: false }
    const { code, details } = JSON.parse(response.bytes.toString())
    const byService = (details ?? []).some((each: { requestId?: string }) =>
      /^[0-9a-f]{32}$/.test(each.requestId ?? ''),
    )
    return { code, reason: details?.[0]?.reason ?? '', byService }
  },
}

function boundTo(method: DescMethod): { verb: string; path: string; body: string | undefined } {
  const { pattern, body } = getOption(method, http)
  const path = String(pattern.value).replace(/\{[^}]+\}/g, 'x')
  return { verb: pattern.case ?? '', path, body: body ? '{}' : undefined }
}

/** @returns the whole answer; undefined when it has begun well, or not at all, and goes on after the patience. */
async function answer(path: string, request: RequestInit, patience: number) {
  const abort = AbortSignal.timeout(patience)
  try {
    const response = await fetch(`${mesh.url}${path}`, { ...request, signal: abort, redirect: 'manual' })
    const bytes = Buffer.from(await response.arrayBuffer())
    return { status: response.status, headers: response.headers, bytes }
  } catch (error) {
    if (abort.aborted) return undefined
    throw error
  }
}

function detailsIn(bytes: Buffer): Pick<Result, 'reason' | 'byService'> {
  const { details } = fromBinary(StatusSchema, bytes)
  const [first] = details
  const reason = (first && anyUnpack(first, ErrorInfoSchema)?.reason) ?? ''
  return { reason, byService: details.some(({ typeUrl }) => typeUrl.endsWith('.RequestInfo')) }
}
