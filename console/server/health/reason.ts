import type { Instance } from '../registry/registry.ts'

/** @returns why an instance is not healthy, in its own words where it has any; empty when it is. */
export function reasonOf({ health, dependencies }: Pick<Instance, 'health' | 'dependencies'>): string {
  if (health.status === 'healthy') return ''
  const failing = dependencies.filter(({ healthy }) => !healthy).map(({ name, reason }) => `${name}: ${reason}`)
  return failing.join('; ') || health.reason || 'starting'
}
