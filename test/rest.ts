/**
 * REST as a transport of typed clients: verb, path, query and body of each call come from the `google.api.http` option of its
 * method, as a reader of the API documentation would write them.
 */
import { type IncomingMessage, request } from 'node:http'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import {
  create,
  createRegistry,
  type DescMessage,
  type DescMethod,
  fromJson,
  getOption,
  type JsonObject,
  type JsonValue,
  type MessageInitShape,
  type MessageShape,
  toJson,
} from '@bufbuild/protobuf'
import { ConnectError, type Transport } from '@connectrpc/connect'
import { http } from '@site11/proto/es/google/api/annotations_pb.ts'
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RequestInfoSchema,
  RetryInfoSchema,
} from '@site11/proto/es/google/rpc/error_details_pb.ts'
import { StatusSchema } from '@site11/proto/es/google/rpc/status_pb.ts'
import { onlyOf } from './grpc.ts'
import { send } from './http.ts'

const details = createRegistry(ErrorInfoSchema, BadRequestSchema, RequestInfoSchema, RetryInfoSchema)

/** A call as REST knows it. */
export interface RestCall {
  verb: string
  /** With query. */
  path: string
  body: JsonValue | undefined
}

/** @returns how a call of a method looks over REST. Throws when the method has no `google.api.http` option. */
export function restCallOf<I extends DescMessage>(
  method: DescMethod & { input: I },
  input: MessageInitShape<I>,
): RestCall {
  const rule = getOption(method, http)
  const { case: verb, value: template } = rule.pattern
  if (!verb || typeof template !== 'string') throw new Error(`${method.name} is not open to REST.`)
  const left = toJson(method.input, create(method.input, input)) as JsonObject
  const path = template.replace(/\{([\w.]+)\}/g, (_, field: string) => encodeURIComponent(String(take(left, field))))
  const body = rule.body === '*' ? left : rule.body ? (take(left, rule.body) ?? {}) : undefined
  const query = new URLSearchParams(rule.body === '*' ? [] : flat(left)).toString()
  return { verb: verb.toUpperCase(), path: query ? `${path}?${query}` : path, body }
}

/** Takes a field, which the contract names, out of a message in JSON. */
function take(message: JsonObject, field: string): JsonValue | undefined {
  const [first = '', ...rest] = field.split('.')
  const name = first.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
  if (rest.length > 0) return take(message[name] as JsonObject, rest.join('.'))
  const value = message[name]
  delete message[name]
  return value
}

function flat(message: JsonObject): [string, string][] {
  return Object.entries(message).flatMap(([name, value]) =>
    [value].flat().map(one => [name, String(one)] as [string, string]),
  )
}

/** @returns a transport for connect's `createClient`. Errors that are not JSON of `google.rpc.Status` fail as no ConnectError. */
export function restTransport(base: string): Transport {
  return {
    async unary(method, _signal, _timeoutMs, header, input) {
      const { verb, path, body } = restCallOf(method, input)
      const headers = Object.fromEntries(new Headers(header))
      const answer = await send(base, path, { method: verb, headers, body })
      if (answer.status !== 200) throw restError(answer.status, String(answer.headers['content-type']), answer.text)
      return {
        stream: false,
        service: method.parent,
        method,
        header: new Headers(),
        trailer: new Headers(),
        message: fromJson(method.output, answer.json() as JsonObject),
      }
    },
    async stream(method, signal, _timeoutMs, header, input) {
      const { verb, path } = restCallOf(method, await onlyOf(input))
      const response = await open(base, verb, path, Object.fromEntries(new Headers(header)), signal)
      if (response.statusCode !== 200) {
        throw restError(response.statusCode ?? 0, String(response.headers['content-type']), await text(response))
      }
      return {
        stream: true,
        service: method.parent,
        method,
        header: new Headers(),
        trailer: new Headers(),
        message: lines(method.output, response),
      }
    },
  }
}

function open(
  base: string,
  method: string,
  path: string,
  headers: Record<string, string>,
  signal?: AbortSignal,
): Promise<IncomingMessage> {
  const { hostname, port } = new URL(base)
  return new Promise((resolve, reject) => {
    const options = { host: hostname, port, path, method, headers, ...(signal && { signal }) }
    request(options, resolve).on('error', reject).end()
  })
}

/** A stream over REST is one JSON message a line. */
async function* lines<O extends DescMessage>(desc: O, response: IncomingMessage): AsyncIterable<MessageShape<O>> {
  for await (const line of createInterface({ input: response })) if (line) yield fromJson(desc, JSON.parse(line))
}

/** @returns the error that a REST answer stands for. Throws when the answer is not `google.rpc.Status` as JSON. */
export function restError(status: number, contentType: string, body: string): ConnectError {
  if (contentType !== 'application/json')
    throw new Error(`HTTP ${status} is ${contentType}, not application/json: ${body}`)
  const { code, message, details: packed } = fromJson(StatusSchema, JSON.parse(body), { registry: details })
  const error = new ConnectError(message, code)
  error.details = packed.map(({ typeUrl, value }) => ({ type: typeUrl.slice(typeUrl.lastIndexOf('/') + 1), value }))
  return error
}
