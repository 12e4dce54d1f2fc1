/**
 * grpc.health.v1 that can fail: SERVING only while everything that the instance stands on answers, and not while it leaves.
 */
import type { Server } from '@grpc/grpc-js'
import type { Dependency } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import { HealthImplementation } from 'grpc-health-check'
import type { Log } from './log.ts'

/** Resolves when the thing answers; rejects with the reason when it does not. */
export type Probe = () => Promise<unknown>

export interface Health {
  dependencies(): Dependency[]
  /** Does not wait for the next round: something has changed. */
  probeNow(): void
  /** NOT_SERVING from now on, whatever the probes say. */
  leave(): void
  close(): void
}

export interface HealthOptions {
  log: Log
  /** Probes of what the instance uses and can do without: its failure is told, and the instance goes on serving. */
  dispensable?: Record<string, Probe>
  intervalMs?: number
  timeoutMs?: number
}

/**
 * Probes every dependency each `intervalMs` and keeps the health of the server and its services accordingly.
 * @param services full names, such as `site11.users.v1.UsersService`; the empty name stands for the server as a whole.
 */
export function addHealth(
  server: Server,
  services: string[],
  probes: Record<string, Probe>,
  { log, dispensable = {}, intervalMs = 1000, timeoutMs = 2000 }: HealthOptions,
): Health {
  const names = ['', ...services]
  const implementation = new HealthImplementation(Object.fromEntries(names.map(name => [name, 'NOT_SERVING'])))
  implementation.addToServer(server)
  let leaving = false
  let serving = false
  let closed = false
  let timer: NodeJS.Timeout | undefined
  const all = { ...dispensable, ...probes }
  let dependencies: Dependency[] = Object.keys(all).map(name => ({ name, healthy: false, reason: 'not probed yet' }))

  function show() {
    const now = !leaving && dependencies.every(({ name, healthy }) => healthy || name in dispensable)
    if (now === serving) return
    serving = now
    for (const name of names) implementation.setStatus(name, now ? 'SERVING' : 'NOT_SERVING')
    const failing = dependencies.filter(({ healthy }) => !healthy)
    if (now) log.info('serving')
    else
      log.warn(
        { failing: failing.map(({ name, reason }) => `${name}: ${reason}`) },
        leaving ? 'leaving' : 'not serving',
      )
  }

  let latest = 0
  async function probeAll() {
    const round = ++latest
    clearTimeout(timer)
    const found = await Promise.all(
      Object.entries(all).map(async ([name, probe]) => {
        try {
          await withTimeout(probe(), timeoutMs)
          return { name, healthy: true, reason: '' }
        } catch (error) {
          return { name, healthy: false, reason: error instanceof Error ? error.message.slice(0, 300) : String(error) }
        }
      }),
    )
    // A round that was overtaken by a newer one has nothing to say.
    if (round !== latest || closed) return
    dependencies = found
    show()
    timer = setTimeout(probeAll, intervalMs)
  }
  void probeAll()

  return {
    dependencies: () => dependencies,
    probeNow: () => void probeAll(),
    leave() {
      leaving = true
      show()
    },
    close() {
      closed = true
      clearTimeout(timer)
    },
  }
}

async function withTimeout(promise: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms)
  })
  try {
    await Promise.race([promise, timeout])
  } finally {
    clearTimeout(timer)
  }
}
