/** What can be done to instances and services. Each ends only when every proxy has it (`progress.ts`). */
import {
  create,
  type DescMessage,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf'
import { DiagnosticsService } from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import { OperationsService } from '@site11/proto/es/site11/console/v1/operations_service_pb.ts'
import { RegistryService } from '@site11/proto/es/site11/console/v1/registry_service_pb.ts'
import i18next from 'i18next'
import { useSyncExternalStore } from 'react'
import { transport } from '../api/client.ts'
import type { InstanceView } from '../mesh/services.ts'
import { healthOf, registryOf } from '../mesh/state.ts'
import { toastDone, toastUndo } from '../ui/toasts.tsx'
import { createProgress, type Progress } from './progress.ts'

/** All ms. What starts processes takes as long as that takes; the contract allows it two minutes. */
const quickMs = 15_000
const startMs = 120_000
const ackSeconds = 5

/** @param timeoutMs longer than what the page's calls take usually. */
async function call<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  input: MessageInitShape<I>,
  timeoutMs = quickMs,
): Promise<MessageShape<O>> {
  const { message } = await transport.unary(method, undefined, timeoutMs, undefined, create(method.input, input))
  return message
}

export const progress = createProgress({
  waitForAcks: change =>
    call(DiagnosticsService.method.waitForAcks, { change, timeout: { seconds: BigInt(ackSeconds), nanos: 0 } }),
})

/** @returns what is being done to something, such as `instances/users-1`. */
export const useProgress = (subject: string): Progress | undefined =>
  useSyncExternalStore(progress.subscribe, () => progress.get(subject))

const instances = (name: string) => `instances/${name}`
const services = (name: string) => `services/${name}`

export async function drain(instance: string, reason = ''): Promise<void> {
  const done = await progress.run(instances(instance), 'drain', async () => {
    return (await call(RegistryService.method.drainInstance, { instance, reason })).change
  })
  if (done) await toastUndo(i18next.t('services.toast.drained', { name: instance }), () => resume(instance))
}

export async function resume(instance: string): Promise<void> {
  await progress.run(instances(instance), 'resume', async () => {
    return (await call(RegistryService.method.resumeInstance, { instance })).change
  })
}

export async function restart(instance: string): Promise<void> {
  await progress.run(instances(instance), 'restart', async () => {
    await call(OperationsService.method.restartInstance, { instance }, startMs)
    return undefined
  })
}

/** @returns whether it is out of the registry. */
export async function remove(instance: string): Promise<boolean> {
  const done = await progress.run(instances(instance), 'remove', async () => {
    return (await call(RegistryService.method.removeInstance, { instance })).change
  })
  if (done) void toastDone(i18next.t('services.toast.removed', { name: instance }))
  return done
}

export async function scale(service: string, count: number): Promise<void> {
  await progress.run(services(service), 'scale', async () => {
    await call(OperationsService.method.scaleService, { service, instances: count }, startMs)
    return undefined
  })
}

/** @param weights none: all instances get the same. @returns whether it is set. */
export async function setTraffic(service: string, weights: ReadonlyMap<string, number>): Promise<boolean> {
  const list = [...weights].filter(([, percent]) => percent > 0).map(([version, percent]) => ({ version, percent }))
  return progress.run(services(service), 'traffic', async () => {
    return (await call(RegistryService.method.setTraffic, { service, weights: list })).change
  })
}

/**
 * @returns the instance as it will be, for the moment until the Console says so. When the Console refuses, it is as it was.
 */
export function foreseen(view: InstanceView, doing: Progress | undefined): InstanceView {
  if (doing?.phase !== 'sending') return view
  const { instance } = view
  if (doing.verb === 'drain' || doing.verb === 'remove') {
    return { ...view, state: { name: 'draining', since: new Date(), why: { key: 'draining' } } }
  }
  if (doing.verb !== 'resume') return view
  const resumed = { ...instance, draining: false, drainedBy: '' }
  return { ...view, state: registryOf(resumed) ?? healthOf(resumed) }
}
