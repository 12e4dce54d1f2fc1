/** As much of gRPC over HTTP/2 as the failover server needs. */
import { readFile } from 'node:fs/promises'
import { connect, type ServerHttp2Stream } from 'node:http2'
import { peerFrom } from '../services/runtime/spiffe.ts'
import type { HostPort } from './settings.ts'

/** The codes that occur here. */
export const status = { ok: 0, resourceExhausted: 8, unimplemented: 12, unavailable: 14, unauthenticated: 16 }

const headers = { ':status': 200, 'content-type': 'application/grpc' }

/** Longer messages are refused. bytes. */
const longestMessage = 1024 * 1024

/** How long a server may take to answer. ms. */
const answerMs = 2000

/** Accepts a call: calls `onMessage` for each message, and ends the call when the caller does, or breaks the rules. */
export function accept(call: ServerHttp2Stream, onMessage: (message: Buffer) => void): void {
  call.respond(headers, { waitForTrailers: true })
  let rest: Buffer = Buffer.alloc(0)
  call.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= 5 && !hasEnded(call)) {
      const whole = 5 + rest.readUInt32BE(1)
      if (rest[0] !== 0) end(call, status.unimplemented, 'compressed messages are not understood')
      else if (whole > longestMessage) end(call, status.resourceExhausted, `a message may have ${longestMessage} bytes`)
      else if (rest.length < whole) return
      else onMessage(rest.subarray(5, whole))
      rest = rest.subarray(whole)
    }
  })
  call.on('end', () => end(call, status.ok, ''))
}

/** Sends a message, unless the call has ended. */
export function send(call: ServerHttp2Stream, message: Buffer): void {
  if (hasEnded(call)) return
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.length, 1)
  call.write(Buffer.concat([head, message]))
}

/** Ends a call, accepted or not. One that has ended stays as it is. */
export function end(call: ServerHttp2Stream, code: number, message: string): void {
  if (hasEnded(call)) return
  const trailers = {
    'grpc-status': code,
    'grpc-message': message.toWellFormed().replace(/[^\x20-\x24\x26-\x7e]/gu, encodeURIComponent),
  }
  if (call.headersSent) {
    call.once('wantTrailers', () => call.sendTrailers(trailers))
    call.end()
  } else call.respond({ ...headers, ...trailers }, { endStream: true })
}

export function hasEnded(call: ServerHttp2Stream): boolean {
  return call.destroyed || call.closed || call.writableEnded
}

/**
 * Whether the Console answers a call, whatever it says: a port that is open may be that of a frozen process. It is nobody else, by the
 * authorities in the file.
 */
export async function answers({ host, port }: HostPort, trustFile: string): Promise<boolean> {
  const ca = await readFile(trustFile).catch(() => undefined)
  if (!ca) return false
  return new Promise(resolve => {
    const session = connect(`https://${host.includes(':') ? `[${host}]` : host}:${port}`, {
      ca,
      servername: 'console',
      checkServerIdentity: (_, { subjectaltname }) => {
        const peer = peerFrom(subjectaltname)
        return peer && 'service' in peer && peer.service === 'console'
          ? undefined
          : new Error('this is not the Console')
      },
    })
    const settle = (answered: boolean) => {
      resolve(answered)
      session.destroy()
    }
    session.on('error', () => settle(false))
    session.setTimeout(answerMs, () => settle(false))
    const call = session.request({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    call.on('response', () => settle(true))
    call.on('error', () => settle(false))
    call.on('close', () => settle(false))
    // An empty message.
    call.end(Buffer.alloc(5))
  })
}
