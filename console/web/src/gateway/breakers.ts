/** How calls between services fare, from what the instances say. Pure. */
import { type CallHealth, CallState } from '@site11/proto/es/site11/console/v1/registry_service_pb.ts'
import type { Mesh } from '../mesh/use-mesh.ts'

const order: readonly CallState[] = [CallState.OPEN, CallState.HALF_OPEN, CallState.UNSPECIFIED, CallState.CLOSED]

/** @returns each call of each instance, those held back first. */
export function callsOf({ instances }: Pick<Mesh, 'instances'>): { caller: string; call: CallHealth }[] {
  return [...instances.values()]
    .flatMap(({ instance }) => (instance?.calls ?? []).map(call => ({ caller: instance?.instance ?? '', call })))
    .sort((a, b) => order.indexOf(a.call.state) - order.indexOf(b.call.state) || b.call.failures - a.call.failures)
}
