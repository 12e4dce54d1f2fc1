/** Keeps the control plane at what registry and keys say. */
import type { Log } from '@site11/runtime/log.ts'
import type { ControlPlane } from './control-plane/server.ts'
import { type MeshState, StateError } from './control-plane/state.ts'

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
