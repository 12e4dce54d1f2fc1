import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { MeshError } from './errors.ts'

export type Service = { name: string; folder: string }

/** The domain services: every folder of services/ whose package.json says `"site11": {"service": "<name>"}`, by name. */
export function discoverServices(root: string): Service[] {
  return globSync('services/*/package.json', { cwd: root })
    .map(path => {
      const name: unknown = JSON.parse(readFileSync(join(root, path), 'utf8')).site11?.service
      return { name, folder: join(root, dirname(path)) }
    })
    .filter((service): service is Service => typeof service.name === 'string')
    .sort((a, b) => a.name.localeCompare(b.name))
}

/** Of a service on one machine. */
export const mostReplicas = 20

/** Reads `users=2,images=3`; `services` are those that can be scaled. Throws MeshError for what is no such list or no service. */
export function parseReplicas(text: string, services: string[]): Map<string, number> {
  const replicas = new Map<string, number>()
  for (const part of text.split(',').filter(Boolean)) {
    const match = /^([a-z][a-z0-9-]*)=(\d+)$/.exec(part.trim())
    const count = Number(match?.[2])
    if (!match?.[1] || count < 1 || count > mostReplicas) {
      throw new MeshError(`"${part}" is not understood: write <service>=<1 to ${mostReplicas}>, for example users=2`)
    }
    if (!services.includes(match[1]))
      throw new MeshError(`There is no service "${match[1]}". There are: ${services.join(', ') || 'none'}.`)
    replicas.set(match[1], count)
  }
  return replicas
}
