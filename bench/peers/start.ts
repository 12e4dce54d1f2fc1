/** Starts the peers: nginx -> fastify gateway -> fastify service, and nginx -> one fastify service. */
import { type ChildProcess, fork } from 'node:child_process'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type BenchProcess, childrenOf } from '../process-usage.ts'
import type { PeerEnvironment } from './config.ts'
import { startNginx } from './nginx.ts'

export interface Peer {
  base: string
  processes(): BenchProcess[]
  stop(): Promise<void>
}

export interface PeerOptions {
  /** The first of three ports: nginx, service, gateway. */
  port: number
  gateway: boolean
  /** Whether each token is verified once and not with each request. */
  cached: boolean
  /** The public keys as JSON. */
  jwks: string
  issuer: string
  storeUrl: string
  /** For the files of nginx. */
  folder: string
}

/** The same as those of the mesh's services. */
const nodeFlags = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=16']

/** @returns the peer, ready. Rejects when one of its processes ends before that. */
export async function startPeer(options: PeerOptions): Promise<Peer> {
  const [port, servicePort, gatewayPort] = [options.port, options.port + 1, options.port + 2]
  const environment = {
    BENCH_JWKS: options.jwks,
    BENCH_ISSUER: options.issuer,
    BENCH_CACHED: options.cached ? 'yes' : 'no',
  }
  const service = startNode('service.ts', {
    ...environment,
    BENCH_PORT: String(servicePort),
    BENCH_MONGO_URL: options.storeUrl,
  })
  const gateway = options.gateway
    ? startNode('gateway.ts', {
        ...environment,
        BENCH_PORT: String(gatewayPort),
        BENCH_UPSTREAM: `http://127.0.0.1:${servicePort}`,
      })
    : undefined
  const nginx = startNginx(options.folder, port, gateway ? gatewayPort : servicePort)
  const children = [nginx, service, ...(gateway ? [gateway] : [])]
  const stop = async () => {
    await Promise.all(children.map(end))
  }
  try {
    await Promise.all([isReady(service), gateway && isReady(gateway), listens(nginx, port)])
  } catch (error) {
    await stop()
    throw error
  }
  const master = nginx.pid ?? 0
  return {
    base: `http://127.0.0.1:${port}`,
    processes: () => [
      ...[master, ...childrenOf(master)].map(pid => ({ role: 'edge', pid })),
      ...(gateway ? [{ role: 'gateway', pid: gateway.pid ?? 0 }] : []),
      { role: 'service', pid: service.pid ?? 0 },
    ],
    stop,
  }
}

const startNode = (file: string, environment: PeerEnvironment) =>
  fork(join(import.meta.dirname, file), { execArgv: nodeFlags, env: { ...process.env, ...environment } })

function isReady(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('message', () => resolve())
    child.once('exit', code => reject(new Error(`A peer ended with code ${code} before it was ready.`)))
  })
}

async function listens(nginx: ChildProcess, port: number): Promise<void> {
  const accepts = () =>
    new Promise<boolean>(resolve => {
      const socket = connect(port, '127.0.0.1', () => resolve(socket.destroy() !== undefined))
      socket.on('error', () => resolve(false))
    })
  while (!(await accepts())) {
    if (nginx.exitCode !== null) throw new Error('nginx ended before it was ready; what it said is above.')
    await delay(20)
  }
}

function end(child: ChildProcess): Promise<void> {
  return new Promise(resolve => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve()
    child.once('exit', () => resolve())
    child.kill('SIGTERM')
  })
}
