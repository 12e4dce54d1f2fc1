import type { Instance } from '../registry/registry.ts'

/** @returns why an instance is not in service, in its own or an operator's words where there are any; empty when it is. */
export function reasonOf({
  health,
  dependencies,
  drained,
}: Pick<Instance, 'health' | 'dependencies' | 'drained'>): string {
  if (drained) return `drained by ${drained.by}${drained.reason && `: ${drained.reason}`}`
  if (health.status === 'healthy') return ''
  const failing = dependencies.filter(({ healthy }) => !healthy).map(({ name, reason }) => `${name}: ${reason}`)
  return failing.join('; ') || health.reason || 'starting'
}
