/** The Console as one of the services. */
import { createHash } from 'node:crypto'
import type { Dependency } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import { callHealth } from '@site11/runtime/target.ts'
import type { ConsoleConfig } from './config.ts'
import { defaultApiVersion } from './registry/model.ts'
import type { Health, Instance } from './registry/registry.ts'
import { type Endpoint, resolveAddress } from './resolve.ts'
import { StartError } from './start-error.ts'

/** The Console's name among the services. */
export const consoleService = 'console'

/** What the Console is to others. */
export interface Own {
  version: string
  contract: Uint8Array
  grpc: Endpoint
  http: Endpoint
}

/** @throws StartError when others cannot reach the Console where it is told to be. */
export async function describeOwn(config: ConsoleConfig, version: string, contract: Uint8Array): Promise<Own> {
  return {
    version,
    contract,
    grpc: await reachable('SITE11_ADVERTISE', config.SITE11_ADVERTISE ?? config.SITE11_LISTEN),
    http: await reachable('SITE11_HTTP_ADVERTISE', config.SITE11_HTTP_ADVERTISE ?? config.SITE11_HTTP_LISTEN),
  }
}

/** @param variable the setting that says it. */
async function reachable(variable: string, { text }: { text: string }): Promise<Endpoint> {
  try {
    return await resolveAddress(text)
  } catch (error) {
    throw new StartError(`${variable} must say where others reach the Console: ${(error as Error).message}`)
  }
}

/** @returns a function that gives the Console as one of the instances, with the health that it has at the time. */
export function createOwnInstance(
  config: ConsoleConfig,
  { version, contract, grpc }: Own,
  dependencies: () => Dependency[],
  now: () => number,
): () => Instance {
  const startTime = new Date(now())
  const contractHash = createHash('sha256').update(contract).digest('hex')
  let health: Health = { status: 'healthy', since: startTime, reason: '' }
  return (): Instance => {
    const found = dependencies()
    const status = found.every(({ healthy }) => healthy) ? 'healthy' : 'failing'
    if (status !== health.status) health = { status, since: new Date(now()), reason: '' }
    return {
      service: consoleService,
      instance: config.SITE11_INSTANCE,
      version,
      apiVersion: defaultApiVersion,
      address: (config.SITE11_ADVERTISE ?? config.SITE11_LISTEN).text,
      ...grpc,
      zone: config.SITE11_ZONE,
      startTime,
      contractHash,
      stream: 0,
      seenMs: now(),
      registerTime: startTime,
      draining: false,
      drainTime: undefined,
      drained: undefined,
      clockOffsetMs: 0,
      health,
      healthChangesMs: [],
      dependencies: found,
      calls: callHealth(now()),
    }
  }
}
