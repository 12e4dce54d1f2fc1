/** The file of deployments. */
import { existsSync, readFileSync } from 'node:fs'
import type { Deployment } from './deployment.ts'
import { MeshError } from './errors.ts'

/** `inUse`: by service, the checkout that its instances are started from, where that is not the one of the mesh. */
export type Kept = { deployments: Deployment[]; inUse: Record<string, string> }

/** @returns what is kept in the file. @throws MeshError when it is damaged. */
export function readDeployments(file: string): Kept {
  if (!existsSync(file)) return { deployments: [], inUse: {} }
  try {
    const { deployments, inUse }: Kept = JSON.parse(readFileSync(file, 'utf8'))
    if (Array.isArray(deployments) && typeof inUse === 'object') return { deployments, inUse }
  } catch {
    // Said below.
  }
  throw new MeshError(
    `${file} is damaged. It holds the deployments of the past, and from where services were deployed: put back a copy, or remove it to start all services from here.`,
  )
}
