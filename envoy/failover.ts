/**
 * The failover of the control plane: gives a proxy that starts while the Console is away the configuration that it has accepted last,
 * and sends it to the Console once that is there. A proxy that has reached the Console since its start never comes here: it keeps
 * what it has. That holds private keys, so it is given over TLS only, with a certificate that the Console leaves beside it.
 *
 *   SITE11_LISTEN=127.0.0.1:8004 SITE11_CONSOLE=127.0.0.1:8003 SITE11_JOIN_TOKEN=... SITE11_HOME=.site11 SITE11_CA=.site11/ca.pem \
 *     node envoy/failover.ts
 */
import { createHash, timingSafeEqual, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, unwatchFile, watchFile } from 'node:fs'
import { createSecureServer, type Http2SecureServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Resources, readRequest, type Variant, writeResponse } from './discovery.ts'
import { accept, answers, end, hasEnded, send, status } from './grpc.ts'
import { readSavedSnapshot } from './saved-snapshot.ts'
import { type HostPort, readSettings } from './settings.ts'

export type FailoverOptions = {
  listen: HostPort
  /** The Console's gRPC address. */
  console: HostPort
  joinToken: string
  /** SITE11_HOME of the Console, where it saves what proxies have accepted. */
  home: string
  /** The authorities of the mesh, by one of which the Console shows who it is: ca.pem. */
  trustFile: string
  log: (level: 'info' | 'warn', message: string) => void
}

export type Failover = {
  /** Where it listens. */
  port: number
  /** Ends every stream and stops to listen. */
  close: () => Promise<void>
}

const service = '/envoy.service.discovery.v3.AggregatedDiscoveryService'
const variants: Record<string, Variant> = {
  [`${service}/StreamAggregatedResources`]: 'sotw',
  [`${service}/DeltaAggregatedResources`]: 'delta',
}

const mostConnections = 100

/** How often the Console is looked for while a proxy is served from here. Also the least time it has to take what it gets. ms. */
const lookMs = 500

/** Starts to listen. Rejects when the port cannot be had. */
export async function startFailover(options: FailoverOptions): Promise<Failover> {
  const sessions = new Set<ServerHttp2Session>()
  // Why each proxy could not be served. It comes again every second, and one line is enough.
  const problems = new Map<string, string>()
  const server = createSecureServer({ settings: { maxConcurrentStreams: 10 } })
  server.maxConnections = mostConnections
  const certificate = followCertificate(server, join(options.home, 'envoy', 'failover.pem'))
  server.on('tlsClientError', () => {
    const message = certificate.problem()
    if (message && problems.get('') !== message) options.log('warn', message)
    problems.set('', message ?? '')
  })
  server.on('session', session => {
    sessions.add(session)
    session.on('close', () => sessions.delete(session))
    // A connection that breaks ends its streams, which is all there is to do.
    session.on('error', () => {})
  })
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {})
    const variant = variants[headers[':path'] ?? '']
    if (!sameSecret(String(headers['x-site11-join-token'] ?? ''), options.joinToken)) {
      end(stream, status.unauthenticated, 'the metadata x-site11-join-token does not hold the join token')
    } else if (!variant) end(stream, status.unimplemented, 'only aggregated discovery is served here')
    else serve(stream, variant, options, problems)
  })
  server.listen(options.listen.port, options.listen.host)
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      certificate.forget()
      for (const session of sessions) session.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Takes the certificate and the key in a file, once it is there, and whenever it changes. */
function followCertificate(server: Http2SecureServer, file: string) {
  let untilMs = Number.POSITIVE_INFINITY
  const take = () => {
    try {
      const pem = readFileSync(file)
      server.setSecureContext({ key: pem, cert: pem })
      untilMs = Date.parse(new X509Certificate(pem.subarray(pem.indexOf('-----BEGIN CERTIFICATE'))).validTo)
    } catch {
      // Before its first start the Console has saved nothing that could be asked for here.
    }
  }
  take()
  watchFile(file, { interval: lookMs, persistent: false }, take)
  return {
    /** Why proxies do not take it, in words. */
    problem: () =>
      Date.now() > untilMs
        ? `${file} has ended at ${new Date(untilMs).toISOString()}, as have the certificates of proxies: no proxy can start until the Console is back`
        : undefined,
    forget: () => unwatchFile(file, take),
  }
}

/** Serves a stream from what is saved of its proxy when it begins, until the Console is there. */
function serve(
  stream: ServerHttp2Stream,
  variant: Variant,
  { home, console, trustFile, log }: FailoverOptions,
  problems: Map<string, string>,
): void {
  let nodeId = ''
  let saved: Resources[] | undefined
  let nonce = 0
  const given = new Map<string, Set<string>>()

  async function take(message: Buffer) {
    if (hasEnded(stream)) return
    const request = readRequest(variant, message)
    if (!saved) {
      nodeId = request.nodeId
      saved = await readSavedSnapshot(home, nodeId)
      log('info', `${nodeId} starts without the Console, with the configuration that it has accepted last`)
      problems.delete(nodeId)
      void untilConsoleAnswers()
    }
    if (request.refused) log('warn', `${nodeId} refuses what it has accepted before: ${request.typeUrl}`)
    const type = saved.find(({ typeUrl }) => typeUrl === request.typeUrl)
    if (type) answer(type, request.names)
  }

  /** Gives each resource once: what a later request names again is an answer to what was given. */
  function answer(type: Resources, names: string[]) {
    const before = given.get(type.typeUrl)
    // Without names the first request means everything.
    const all = names.includes('*') || (!before && names.length === 0)
    const wanted = new Set(names)
    const resources = type.resources.filter(({ name }) => (all || wanted.has(name)) && !before?.has(name))
    if (before && resources.length === 0) return
    given.set(type.typeUrl, new Set([...(before ?? []), ...resources.map(({ name }) => name)]))
    send(stream, writeResponse(variant, { ...type, resources }, String(++nonce)))
  }

  /** A proxy stays as long as its stream does: it looks for the Console only when that ends. */
  async function untilConsoleAnswers() {
    do await delay(lookMs, undefined, { ref: false })
    while (!hasEnded(stream) && !(await answers(console, trustFile)))
    if (hasEnded(stream)) return
    log('info', `${nodeId} goes back to the Console`)
    end(stream, status.ok, 'the Console is there')
  }

  let last = Promise.resolve()
  accept(stream, message => {
    last = last
      .then(() => take(message))
      .catch((error: Error) => {
        if (problems.get(nodeId) !== error.message) {
          log('warn', `${nodeId || 'a proxy'} starts without the Console and cannot be helped: ${error.message}`)
        }
        problems.set(nodeId, error.message)
        end(stream, status.unavailable, error.message)
      })
  })
}

function sameSecret(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(expected))
}

/** Reads the options from the environment. Throws one Error that names everything missing or wrong. */
function failoverOptions(env: Record<string, string | undefined>): FailoverOptions {
  return readSettings(env, ({ text, hostPort }) => ({
    listen: hostPort('SITE11_LISTEN', 'where to listen, such as 127.0.0.1:8004'),
    console: hostPort('SITE11_CONSOLE', "the Console's gRPC address, such as 127.0.0.1:8003"),
    joinToken: text('SITE11_JOIN_TOKEN', 'the token that lets a proxy join the mesh'),
    home: text('SITE11_HOME', 'the folder in which the Console saves what proxies have accepted'),
    trustFile: text('SITE11_CA', 'the file with the authorities of the mesh, which the Console writes'),
    log: (level, msg) => console.log(JSON.stringify({ level, time: new Date().toISOString(), msg })),
  }))
}

if (import.meta.main) {
  try {
    const failover = await startFailover(failoverOptions(process.env))
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => void failover.close())
  } catch (cause) {
    console.error(cause instanceof Error ? cause.message : String(cause))
    process.exitCode = 1
  }
}
