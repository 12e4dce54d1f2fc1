/** What the Console has saved of each proxy: the configuration that it has accepted last, as a whole. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Resources } from './discovery.ts'

/**
 * Reads the configuration that a proxy has accepted last, by type, in the order in which a proxy takes them. `home` is SITE11_HOME.
 * Throws an Error saying why there is none that could be used.
 */
export async function readSavedSnapshot(home: string, nodeId: string): Promise<Resources[]> {
  // It becomes a part of a path, and comes from outside.
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(nodeId)) throw new Error('the node id is no name of a file')
  const file = join(home, 'envoy', `${nodeId}.snapshot.json`)
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new Error('nothing is saved of it yet')
    throw error
  }
  try {
    return resourcesIn(JSON.parse(text))
  } catch (error) {
    throw new Error(`${file} is damaged (${(error as Error).message}); the Console replaces it once it is back`)
  }
}

function resourcesIn(saved: unknown): Resources[] {
  const { version, responses } = object(saved)
  if (version !== 1) throw new Error('its version is not 1')
  return list(responses).map(response => {
    const { typeUrl, versionInfo, resources } = object(response)
    const all = list(resources).map(resource => {
      const { name, value } = object(resource)
      return { name: text(name), value: Buffer.from(text(value), 'base64') }
    })
    return { typeUrl: text(typeUrl), versionInfo: text(versionInfo), resources: all }
  })
}

function object(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw new Error('an object is missing')
  return value as Record<string, unknown>
}

function list(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new Error('a list is missing')
  return value
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw new Error('a text is missing')
  return value
}
