/** Keeps the control plane at what registry and keys say, and judges the contracts that proxies accept or refuse. */
import { ProxyProgress } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import type { Log } from '@site11/runtime/log.ts'
import { contractsFrom } from './control-plane/contract.ts'
import type { ControlPlane, ProxyEvent } from './control-plane/server.ts'
import { extensionType, routeType } from './control-plane/snapshot.ts'
import { type MeshState, type ServiceState, StateError } from './control-plane/state.ts'
import type { Event, KnownService } from './registry/registry.ts'
import { hashOf, verdictOn } from './trial.ts'

export interface Edge {
  /** Publishes the present state. A service that no configuration can be made of is left out, and named by `problems`. */
  publish(): void
  problems(): string[]
}

export interface EdgeOptions {
  controlPlane: Pick<ControlPlane, 'publish' | 'proxies' | 'onEvent'>
  /** The present state of the mesh, in which the newest contracts of the services in `waiting` do not count. */
  state(waiting: ReadonlySet<string>): MeshState
  /** The id of the last change that the state includes. */
  lastChange(): number
  services(): ReadonlyMap<string, KnownService>
  /** Tells the registry what became of a contract; the state changes by it. */
  judge(verdict: Extract<Event, { type: 'contract' }>): void
  log: Log
}

export function createEdge({ controlPlane, state, lastChange, services, judge, log }: EdgeOptions): Edge {
  let problems: string[] = []
  let waiting: ReadonlySet<string> = new Set()

  function publish() {
    const found: string[] = []
    let mesh = state(waiting)
    const change = lastChange()
    for (;;) {
      try {
        controlPlane.publish(mesh, change)
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
  }

  // Not at once: what is published must not change while the control plane tells of it.
  controlPlane.onEvent(event => queueMicrotask(() => follow(event)))

  function follow(event: ProxyEvent) {
    // Contracts are in nothing else.
    if (event.type === 'refused' && (event.typeUrl === routeType || event.typeUrl === extensionType)) {
      const verdict = verdictOn(event.contracts, services(), waiting)
      if (verdict.kind === 'guilty') {
        const { service, contractHash } = verdict
        const reason = `${event.nodeId} refuses it: ${event.reason}`
        log.error({ service, contractHash, reason }, 'a contract is taken back')
        judge({ type: 'contract', service, contractHash, verdict: 'refused', reason })
      }
      if (verdict.kind === 'unclear') {
        waiting = new Set([...waiting, ...verdict.wait])
        publish()
      }
    }
    if (event.type === 'accepted') {
      if (controlPlane.proxies().some(({ progress }) => progress !== ProxyProgress.PROXY_PROGRESS_ACCEPTED)) return
      for (const [service, contract] of event.contracts) {
        const contractHash = hashOf(contract)
        const known = services().get(service)
        if (!known || known.acceptedHash === contractHash || known.contractHash !== contractHash) continue
        judge({ type: 'contract', service, contractHash, verdict: 'accepted', reason: '' })
      }
      const [next, ...others] = waiting
      if (next === undefined) return
      waiting = new Set(others)
      publish()
    }
  }

  return {
    publish,
    problems: () => [
      ...problems,
      ...[...services()].flatMap(([name, { contractHash, refused, acceptedHash }]) =>
        refused?.contractHash === contractHash
          ? [
              `The contract of ${name} is not in force: ${refused.reason}. ${acceptedHash ? 'The one before it is.' : 'The service cannot be reached from outside.'}`,
            ]
          : [],
      ),
    ],
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
