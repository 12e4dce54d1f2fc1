/** gRPC through grpc-js as a transport of typed clients, and calls of raw bytes. */
import { create, type DescMessage, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import { type Code, ConnectError, type Transport } from '@connectrpc/connect'
import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js'
import { StatusSchema } from '@site11/proto/es/google/rpc/status_pb.ts'

const channel = {
  'grpc.enable_channelz': 0,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 500,
  'grpc.max_send_message_length': 16 * 2 ** 20,
}

const deadline = (timeoutMs = 20_000) => ({ deadline: Date.now() + timeoutMs })

/** @returns a transport for connect's `createClient`. Its calls fail after 20 s unless told otherwise. */
export function grpcTransport(base: string): Transport {
  const client = new Client(new URL(base).host, credentials.createInsecure(), channel)
  return {
    async unary(method, _signal, timeoutMs, header, input) {
      const bytes = await unaryBytes(
        client,
        pathOf(method),
        encode(method.input, input),
        metadataFrom(header),
        timeoutMs,
      )
      return {
        stream: false,
        service: method.parent,
        method,
        header: new Headers(),
        trailer: new Headers(),
        message: fromBinary(method.output, bytes),
      }
    },
    async stream(method, signal, _timeoutMs, header, input) {
      const message = encode(method.input, await onlyOf(input))
      const call = client.makeServerStreamRequest(
        pathOf(method),
        asIs,
        bytes => fromBinary(method.output, bytes),
        message,
        metadataFrom(header),
      )
      signal?.addEventListener('abort', () => call.cancel())
      async function* messages() {
        try {
          for await (const each of call) yield each
        } catch (error) {
          if (!signal?.aborted) throw grpcError(error as ServiceError)
        }
      }
      return {
        stream: true,
        service: method.parent,
        method,
        header: new Headers(),
        trailer: new Headers(),
        message: messages(),
      }
    },
  }
}

/** @returns the response of one call, whatever its bytes. Rejects with a ConnectError. */
export function callBytes(base: string, path: string, message: Uint8Array, headers: HeadersInit = {}): Promise<Buffer> {
  const client = new Client(new URL(base).host, credentials.createInsecure(), channel)
  return unaryBytes(client, path, Buffer.from(message), metadataFrom(headers)).finally(() => client.close())
}

function unaryBytes(
  client: Client,
  path: string,
  message: Buffer,
  metadata: Metadata,
  timeoutMs?: number,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, asIs, asIs, message, metadata, deadline(timeoutMs), (error, bytes) => {
      if (error) reject(grpcError(error))
      else resolve(bytes ?? Buffer.alloc(0))
    })
  })
}

/** @returns the one message of a stream that may hold no other. */
export async function onlyOf<T>(messages: AsyncIterable<T>): Promise<T> {
  for await (const message of messages) return message
  throw new Error('There is no message to send.')
}

const asIs = (bytes: Buffer) => bytes
const pathOf = (method: { parent: { typeName: string }; name: string }) => `/${method.parent.typeName}/${method.name}`

function encode<I extends DescMessage>(desc: I, input: MessageInitShape<I>): Buffer {
  return Buffer.from(toBinary(desc, create(desc, input)))
}

function metadataFrom(header: HeadersInit | undefined): Metadata {
  const metadata = new Metadata()
  for (const [name, value] of new Headers(header)) metadata.set(name, value)
  return metadata
}

function grpcError({ code, details, metadata }: ServiceError): ConnectError {
  const error = new ConnectError(details, code as number as Code)
  const [bytes] = metadata?.get('grpc-status-details-bin') ?? []
  if (bytes instanceof Buffer) {
    error.details = fromBinary(StatusSchema, bytes).details.map(({ typeUrl, value }) => ({
      type: typeUrl.slice(typeUrl.lastIndexOf('/') + 1),
      value,
    }))
  }
  return error
}
