/** What the peers are told, through the environment. */
import type { JSONWebKeySet } from 'jose'
import { createTokenCheck, type TokenCheck } from './token.ts'

export interface PeerEnvironment {
  BENCH_PORT: string
  BENCH_JWKS: string
  BENCH_ISSUER: string
  /** `yes` to verify each token once only. */
  BENCH_CACHED: string
  /** The service's only. */
  BENCH_MONGO_URL?: string
  /** The gateway's only: `http://host:port` of the service. */
  BENCH_UPSTREAM?: string
}

/** @returns the variable. Throws when it is not set. */
export function required(name: keyof PeerEnvironment): string {
  const value = process.env[name]
  if (value === undefined) throw new Error(`${name} is not set; the peers are started by bench/main.ts.`)
  return value
}

export function tokenCheckFromEnvironment(): TokenCheck {
  const jwks: JSONWebKeySet = JSON.parse(required('BENCH_JWKS'))
  return createTokenCheck(jwks, required('BENCH_ISSUER'), required('BENCH_CACHED') === 'yes')
}

/** Listens on loopback, tells the parent, and ends when the parent does. */
export async function listenAndTell(app: { listen(options: { port: number; host: string }): Promise<string> }) {
  await app.listen({ port: Number(required('BENCH_PORT')), host: '127.0.0.1' })
  process.send?.('ready')
  process.on('disconnect', () => process.exit())
}
