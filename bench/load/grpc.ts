/** gRPC requests over HTTP/2, framed by hand: a driver must cost less than what it drives, and grpc-js clients do not. */
import { connect } from 'node:http2'
import type { Send } from './loops.ts'

const connections = 4

/**
 * @param base `http://host:port`.
 * @param next makes the next request message, serialized.
 * A right answer has grpc-status 0 and a message.
 */
export function grpcSender(
  base: string,
  token: string,
  path: string,
  next: () => Uint8Array,
): { send: Send; close(): void } {
  const sessions = Array.from({ length: connections }, () => {
    const session = connect(base)
    // Each stream of a broken session reports it.
    session.on('error', () => {})
    return session
  })
  const headers = {
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
    authorization: `Bearer ${token}`,
  }
  let turn = 0
  const send: Send = () =>
    new Promise(resolve => {
      const session = sessions[turn++ % connections]
      if (!session || session.closed || session.destroyed) return resolve('connection closed')
      const stream = session.request(headers, { endStream: false })
      let status: unknown
      let bytes = 0
      stream.on('response', received => {
        status = received['grpc-status'] ?? (received[':status'] === 200 ? undefined : `HTTP ${received[':status']}`)
      })
      stream.on('trailers', received => {
        status = received['grpc-status'] ?? status
      })
      stream.on('data', (chunk: Buffer) => {
        bytes += chunk.length
      })
      stream.on('error', error => resolve(error.message))
      stream.on('close', () => {
        if (String(status) !== '0') resolve(`grpc-status ${status}`)
        else resolve(bytes > 5 ? undefined : 'no message')
      })
      stream.end(frame(next()))
    })
  return { send, close: () => sessions.forEach(session => void session.destroy()) }
}

/** Length-prefixed, not compressed. */
function frame(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(5 + message.length)
  framed[0] = 0
  framed.writeUInt32BE(message.length, 1)
  framed.set(message, 5)
  return framed
}
