/** gRPC-Web by hand, for messages that no client would send. */
import { fromBinary } from '@bufbuild/protobuf'
import { Code, ConnectError } from '@connectrpc/connect'
import { StatusSchema } from '@site11/proto/es/google/rpc/status_pb.ts'
import { send } from './http.ts'

const trailerFlag = 0x80
const frameHead = 5

/** @returns the response message of one call, whatever its bytes. Rejects with a ConnectError. */
export async function callWebBytes(base: string, path: string, message: Uint8Array, token?: string): Promise<Buffer> {
  const body = Buffer.alloc(frameHead + message.length)
  body.writeUInt32BE(message.length, 1)
  body.set(message, frameHead)
  const headers = { 'content-type': 'application/grpc-web+proto', 'x-grpc-web': '1' }
  const answer = await send(base, path, { method: 'POST', headers, body, token })
  if (!String(answer.headers['content-type']).startsWith('application/grpc-web')) {
    throw new Error(`HTTP ${answer.status} is ${answer.headers['content-type']}, not gRPC-Web: ${answer.text}`)
  }
  let found: Buffer = Buffer.alloc(0)
  const trailers = new Headers(answer.headers as Record<string, string>)
  for (let rest = answer.bytes; rest.length >= frameHead; ) {
    const end = frameHead + rest.readUInt32BE(1)
    const content = rest.subarray(frameHead, end)
    if ((rest[0] ?? 0) & trailerFlag) {
      for (const line of content.toString('latin1').split('\r\n').filter(Boolean)) {
        trailers.set(line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim())
      }
    } else found = content
    rest = rest.subarray(end)
  }
  const status = Number(trailers.get('grpc-status') ?? Code.Unknown)
  if (status === 0) return found
  const error = new ConnectError(decodeURIComponent(trailers.get('grpc-message') ?? ''), status)
  const packed = trailers.get('grpc-status-details-bin')
  if (packed) {
    const { details } = fromBinary(StatusSchema, Buffer.from(packed, 'base64'))
    error.details = details.map(({ typeUrl, value }) => ({ type: typeUrl.slice(typeUrl.lastIndexOf('/') + 1), value }))
  }
  throw error
}
