/** gRPC over HTTP/2, framed by hand: what simulates a thousand instances and ten proxies must cost less than what it is put before. */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type OutgoingHttpHeaders } from 'node:http2'

/** Large, as proxies have it: a snapshot must not wait for window updates. */
const windowBytes = 16 * 1024 * 1024

/**
 * @param address `host:port`. @param trust the authorities of the mesh, PEM; without, the connection is plain.
 * @returns a session; one that breaks ends its streams, and they tell.
 */
export function openSession(address: string, trust?: string): ClientHttp2Session {
  const settings = { initialWindowSize: windowBytes, enablePush: false }
  // Whose certificate it is, is for the product to look at; here it only has to cost what it costs.
  const tls = trust === undefined ? {} : { ca: trust, checkServerIdentity: () => undefined }
  const session = connect(`${trust === undefined ? 'http' : 'https'}://${address}`, { settings, ...tls })
  session.on('connect', () => session.setLocalWindowSize(windowBytes))
  session.on('error', () => {})
  return session
}

/** Length-prefixed, not compressed. */
export function frame(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(5 + message.length)
  framed[0] = 0
  framed.writeUInt32BE(message.length, 1)
  framed.set(message, 5)
  return framed
}

/** @returns what takes the chunks of a stream, and calls `onMessage` for each whole message. */
export function unframe(onMessage: (message: Buffer) => void): (chunk: Buffer) => void {
  let chunks: Buffer[] = []
  let length = 0
  let needed = 5
  return chunk => {
    chunks.push(chunk)
    length += chunk.length
    if (length < needed) return
    let all = chunks.length === 1 ? chunk : Buffer.concat(chunks)
    for (needed = 5; all.length >= needed; needed = 5) {
      needed += all.readUInt32BE(1)
      if (all.length < needed) break
      onMessage(all.subarray(5, needed))
      all = all.subarray(needed)
    }
    chunks = [all]
    length = all.length
  }
}

export interface Call {
  write(message: Uint8Array): void
  /** Sends no more. */
  end(): void
  /** Ends it at once, whatever is under way. */
  cancel(): void
}

export interface CallEvents {
  onMessage(message: Buffer): void
  /** @param problem undefined when the status is OK. Called once. */
  onEnd(problem: string | undefined): void
}

/** Opens a call of any kind. */
export function openCall(
  session: ClientHttp2Session,
  path: string,
  metadata: OutgoingHttpHeaders,
  { onMessage, onEnd }: CallEvents,
): Call {
  const headers = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers', ...metadata }
  let stream: ClientHttp2Stream
  try {
    stream = session.request(headers, { endStream: false })
  } catch (error) {
    queueMicrotask(() => onEnd((error as Error).message))
    return { write() {}, end() {}, cancel() {} }
  }
  let problem: string | undefined = 'the connection was lost'
  const takeStatus = (received: { 'grpc-status'?: unknown; 'grpc-message'?: unknown; ':status'?: number }) => {
    const code = received['grpc-status']
    if (code !== undefined)
      problem = code === '0' ? undefined : `grpc-status ${code} ${received['grpc-message'] ?? ''}`.trim()
    else if (received[':status'] !== undefined && received[':status'] !== 200) problem = `HTTP ${received[':status']}`
  }
  stream.on('response', takeStatus)
  stream.on('trailers', takeStatus)
  stream.on('data', unframe(onMessage))
  stream.on('error', () => {})
  // A status ends the call, whatever there is left to say.
  stream.on('end', () => stream.close())
  stream.on('close', () => onEnd(problem))
  return {
    write: message => void (stream.writable && stream.write(frame(message))),
    end: () => void stream.end(),
    cancel: () => stream.destroy(),
  }
}

/** One request, one answer. @returns the answer, or what is wrong. Never rejects. */
export function callOnce(
  session: ClientHttp2Session,
  path: string,
  metadata: OutgoingHttpHeaders,
  request: Uint8Array,
): Promise<{ message: Buffer } | { problem: string }> {
  return new Promise(resolve => {
    let message: Buffer | undefined
    const call = openCall(session, path, metadata, {
      onMessage(received) {
        message = received
      },
      onEnd: problem => resolve(problem === undefined && message ? { message } : { problem: problem ?? 'no message' }),
    })
    call.write(request)
    call.end()
  })
}
