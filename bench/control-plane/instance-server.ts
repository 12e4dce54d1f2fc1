/** The server of a simulated instance: grpc.health.v1, and an answer with the name of the instance to every other call. */
import { createSecureServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { nowMs } from './clock.ts'
import { frame } from './grpc.ts'

export interface InstanceServer {
  port: number
  /** The calls that are no health checks. `lastMs` is when the last one arrived. */
  calls: { count: number; lastMs: number }
  /** When the first health check arrived; undefined before. */
  firstCheckMs(): number | undefined
  setServing(serving: boolean): void
  /** Connections are taken from now on, from those with a certificate of the mesh. PEM. */
  setCertificate(own: { chain: string; privateKey: string; trust: string }): void
  close(): void
}

const healthPath = '/grpc.health.v1.Health/'
/** grpc.health.v1.HealthCheckResponse with SERVING, and with NOT_SERVING. */
const serves = frame(Buffer.of(0x08, 1))
const servesNot = frame(Buffer.of(0x08, 2))

/** Listens on a free port of loopback. It serves from the start. */
export async function startInstanceServer(name: string): Promise<InstanceServer> {
  const sessions = new Set<ServerHttp2Session>()
  const watchers = new Set<ServerHttp2Stream>()
  const calls = { count: 0, lastMs: 0 }
  const answer = frame(Buffer.from(name))
  let health = serves
  let firstCheckMs: number | undefined
  const server = createSecureServer({ settings: { maxConcurrentStreams: 1000 }, requestCert: true })
  // Who comes before there is a certificate.
  server.on('tlsClientError', () => {})
  server.on('session', session => {
    sessions.add(session)
    session.on('close', () => sessions.delete(session))
    session.on('error', () => {})
  })
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {})
    const path = headers[':path'] ?? ''
    if (path === `${healthPath}Watch`) {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' })
      stream.write(health)
      watchers.add(stream)
      stream.on('close', () => watchers.delete(stream))
      stream.resume()
      return
    }
    if (path === `${healthPath}Check`) firstCheckMs ??= nowMs()
    else {
      calls.count++
      calls.lastMs = nowMs()
    }
    stream.resume()
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.end(path.startsWith(healthPath) ? health : answer)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    calls,
    firstCheckMs: () => firstCheckMs,
    setServing(serving) {
      health = serving ? serves : servesNot
      for (const stream of watchers) stream.write(health)
    },
    setCertificate: ({ chain, privateKey, trust }) =>
      server.setSecureContext({ cert: chain, key: privateKey, ca: trust }),
    close() {
      server.close()
      for (const session of sessions) session.destroy()
    },
  }
}
