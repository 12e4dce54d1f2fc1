/** Keeps the control plane at what registry and keys say. */
import type { Log } from '@site11/runtime/log.ts'
import { contractsFrom } from './control-plane/contract.ts'
import type { ControlPlane } from './control-plane/server.ts'
import { type MeshState, type ServiceState, StateError } from './control-plane/state.ts'

export interface Edge {
  /** Publishes the present state. A service that no configuration can be made of is left out, and named by `problems`. */
  publish(): void
  problems(): string[]
}

/** @param state the present state of the mesh. */
export function createEdge(controlPlane: Pick<ControlPlane, 'publish'>, state: () => MeshState, log: Log): Edge {
  let problems: string[] = []
  return {
    publish() {
      const found: string[] = []
      let mesh = state()
      for (;;) {
        try {
          controlPlane.publish(mesh)
          break
        } catch (error) {
          const without =
            error instanceof StateError ? mesh.services.filter(({ name }) => name !== error.service) : mesh.services
          const message = error instanceof Error ? error.message : String(error)
          found.push(message)
          if (!problems.includes(message))
            log.error({ reason: message }, 'the proxies cannot be configured with the whole mesh')
          if (without.length === mesh.services.length) break
          mesh = { ...mesh, services: without }
        }
      }
      problems = found
    },
    problems: () => problems,
  }
}

/** @throws Error when the edge could be configured with what there is, but not with the new contract. */
export function checkContract(services: ServiceState[], candidate: ServiceState): void {
  const others = services.filter(({ name }) => name !== candidate.name)
  try {
    contractsFrom([...others, candidate])
  } catch (error) {
    // Where the others do not fit together themselves, the newcomer is not at fault unless it is malformed by itself.
    if (fits(others) || !fits([candidate])) throw error
  }
}

function fits(services: ServiceState[]): boolean {
  try {
    contractsFrom(services)
    return true
  } catch {
    return false
  }
}
