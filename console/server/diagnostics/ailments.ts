/** Why an instance is not healthy, by what is known of it. */
import { type Instance, InstanceHealth } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import { heartbeatMs } from '../registry/registry.ts'

export type Ailment = 'dependency' | 'gone' | 'frozen' | 'unreachable' | 'notServing' | 'starting' | 'other'

/** Unheard for so long, an instance has missed at least one heartbeat. */
export const unheardMs = 2 * heartbeatMs

export const isUnheard = ({ seenTime }: Instance, nowMs: number) =>
  seenTime !== undefined && nowMs - seenTime.getTime() > unheardMs

export const failingDependencies = ({ dependencies }: Instance) => dependencies.filter(({ healthy }) => !healthy)

/** @returns what an instance has that is not healthy; undefined when it is. */
export function ailmentOf(instance: Instance, nowMs: number): Ailment | undefined {
  const { health, healthReason, attached } = instance
  if (health === InstanceHealth.INSTANCE_HEALTH_HEALTHY) return undefined
  if (health !== InstanceHealth.INSTANCE_HEALTH_FAILING) return 'starting'
  if (failingDependencies(instance).length > 0) return 'dependency'
  const unanswered = /cannot be reached|no answer/.test(healthReason)
  if (unanswered && !attached) return 'gone'
  if (unanswered && isUnheard(instance, nowMs)) return 'frozen'
  if (unanswered) return 'unreachable'
  return /does not serve/.test(healthReason) ? 'notServing' : 'other'
}

interface Words {
  one: string
  many: string
  cause: string
  /** @param name for commands: an instance or a service; empty for many services. */
  next(name: string): string
}

const logs = (name: string) => `npm run mesh -- logs${name && ` ${name}`}`

/** What to say of each. A failing dependency is told of by itself. */
export const ailments: Record<Exclude<Ailment, 'dependency'>, Words> = {
  gone: {
    one: 'is gone: its stream is broken and nothing answers at its address',
    many: 'are gone: their streams are broken and nothing answers at their addresses',
    cause:
      'The process ended without leaving in order (a crash, kill -9, out of memory), or its machine or network is away.',
    next: name =>
      `See whether it runs (npm run mesh -- status) and what it said last (${logs(name)}); then start it again.`,
  },
  frozen: {
    one: 'is silent: its stream is open, but neither heartbeats nor answers to the health check come',
    many: 'are silent: their streams are open, but neither heartbeats nor answers to the health check come',
    cause:
      'The process is stopped (SIGSTOP, a debugger), blocked in a long computation, or its machine is swapping or cut off.',
    next: name =>
      `See what it does (npm run mesh -- status, ${logs(name)}); if it does not come back: npm run mesh -- restart ${name || '<instance>'}.`,
  },
  unreachable: {
    one: 'sends heartbeats, but does not answer the health check at its address',
    many: 'send heartbeats, but do not answer the health check at their addresses',
    cause:
      'The address it advertises is not where it listens, a firewall stands between, or it is too busy to answer within the time.',
    next: name =>
      `Compare the address above with what it listens on (SITE11_LISTEN, SITE11_ADVERTISE) and try it from the Console's machine; see ${logs(name)}.`,
  },
  notServing: {
    one: 'says NOT_SERVING',
    many: 'say NOT_SERVING',
    cause: 'The service itself has found that it cannot do its work, and names no dependency for it.',
    next: name =>
      `Read why in its log: ${logs(name)}. If it does not recover: npm run mesh -- restart ${name || '<instance>'}.`,
  },
  starting: {
    one: 'has not been found healthy yet',
    many: 'have not been found healthy yet',
    cause: 'Starting, or waiting for something it needs at the start.',
    next: name => `Wait for a moment; if it stays so, its log says what it waits for: ${logs(name)}.`,
  },
  other: {
    one: 'fails the health check',
    many: 'fail the health check',
    cause: 'The reason it gave stands above.',
    next: name => `Read its log: ${logs(name)}.`,
  },
}
