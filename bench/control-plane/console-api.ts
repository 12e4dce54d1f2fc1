/** What the bench asks of the Console's gRPC port, with the operator's token. */
import { credentials, Metadata, type ServiceError } from '@grpc/grpc-js'
import {
  DiagnosticsServiceClient,
  type InstanceBeliefs,
  type ListBeliefsResponse,
  type ListChangesResponse,
  type WaitForAcksResponse,
} from '@site11/proto/grpc/site11/console/v1/diagnostics_service.ts'
import {
  type DrainInstanceResponse,
  type Instance,
  type ListInstancesResponse,
  RegistryServiceClient,
  type RemoveInstanceResponse,
  type ResumeInstanceResponse,
} from '@site11/proto/grpc/site11/console/v1/registry_service.ts'

export interface ConsoleApi {
  /** @returns the id of the change. */
  drain(instance: string): Promise<number>
  resume(instance: string): Promise<number>
  remove(instance: string): Promise<void>
  instances(): Promise<Instance[]>
  /** The id of the last change in the journal. */
  lastChange(): Promise<number>
  /** How many changes a filter lets through, 1,000 at most. */
  countChanges(filter: string): Promise<number>
  /** Resolves when every proxy has taken the change, 0 for the last one. Rejects when one has not within 10 s. */
  acked(change: number): Promise<void>
  /** What registry, health check and proxies believe of the instances of a service. */
  beliefs(service: string): Promise<InstanceBeliefs[]>
  close(): void
}

type Callback<T> = (error: ServiceError | null, response: T) => void

/** @param grpc `host:port`. @param trust the authorities of the mesh, PEM. */
export function connectConsole(console: { grpc: string; operatorToken: string; trust: string }): ConsoleApi {
  const { grpc, operatorToken, trust } = console
  const options = { 'grpc.enable_channelz': 0 }
  const secure = credentials.createSsl(Buffer.from(trust), null, null, { checkServerIdentity: () => undefined })
  const registry = new RegistryServiceClient(grpc, secure, options)
  const diagnostics = new DiagnosticsServiceClient(grpc, secure, options)
  const metadata = new Metadata()
  metadata.set('x-site11-operator-token', operatorToken)
  const ask = <T>(call: (callback: Callback<T>) => unknown) =>
    new Promise<T>((resolve, reject) => call((error, response) => (error ? reject(error) : resolve(response))))
  return {
    async drain(instance) {
      const request = { instance, reason: 'bench' }
      return (await ask<DrainInstanceResponse>(done => registry.drainInstance(request, metadata, done))).change
    },
    async resume(instance) {
      return (await ask<ResumeInstanceResponse>(done => registry.resumeInstance({ instance }, metadata, done))).change
    },
    async remove(instance) {
      await ask<RemoveInstanceResponse>(done => registry.removeInstance({ instance }, metadata, done))
    },
    async instances() {
      return (await ask<ListInstancesResponse>(done => registry.listInstances({ service: '' }, metadata, done)))
        .instances
    },
    async lastChange() {
      const request = { pageSize: 1, pageToken: '', filter: '' }
      return (
        (await ask<ListChangesResponse>(done => diagnostics.listChanges(request, metadata, done))).changes[0]?.id ?? 0
      )
    },
    async countChanges(filter) {
      const request = { pageSize: 1000, pageToken: '', filter }
      return (await ask<ListChangesResponse>(done => diagnostics.listChanges(request, metadata, done))).changes.length
    },
    async acked(change) {
      const request = { change, timeout: { seconds: 10, nanos: 0 } }
      const { taken, waiting } = await ask<WaitForAcksResponse>(done =>
        diagnostics.waitForAcks(request, metadata, done),
      )
      const waitedFor = waiting.map(({ nodeId, reason }) => `${nodeId}: ${reason}`)
      if (!taken) throw new Error(`Change ${change} was not taken within 10 s. ${waitedFor.join('; ')}`)
    },
    async beliefs(service) {
      return (await ask<ListBeliefsResponse>(done => diagnostics.listBeliefs({ service }, metadata, done))).instances
    },
    close() {
      registry.close()
      diagnostics.close()
    },
  }
}
