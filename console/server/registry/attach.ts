/** The stream that an instance is attached by: lease, heartbeat and push channel in one. */
import { createHash } from 'node:crypto'
import type {
  AttachRequest,
  AttachResponse,
  Hello,
  Peer,
} from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import type { Call } from '@site11/runtime/call.ts'
import {
  alreadyExists,
  invalidArgument,
  permissionDenied,
  type ServiceError,
  unavailable,
} from '@site11/runtime/errors.ts'
import type { JSONWebKeySet } from 'jose'
import type { ControlPlane } from '../control-plane/server.ts'
import { consoleService } from '../own.ts'
import { resolveAddress } from '../resolve.ts'
import type { InternalToken, Tokens } from '../tokens.ts'
import { isJoining } from './join.ts'
import type { LiveRegistry } from './live-registry.ts'
import { createOutbox, type Outbox } from './outbox.ts'
import { type Ended, type Facts, heartbeatMs, type Instance, leaseMs } from './registry.ts'

export interface RegistryOptions {
  registry: LiveRegistry
  tokens: Tokens
  issuer: string
  jwks(): JSONWebKeySet
  peers(): Peer[]
  controlPlane: Pick<ControlPlane, 'whenAcked' | 'proxies'>
  /** @throws Error saying why, when the edge could not be configured with this contract of the service. */
  checkContract(service: string, descriptors: Uint8Array): void
  /** The Console as one of the instances. */
  own(): Instance
  now(): number
}

/** How long a leaving instance waits for the proxies at most. ms. */
const drainMs = 2000

type Kind = NonNullable<AttachResponse['message']>['$case']
/** An attached instance, and what it was sent last. */
export interface Stream {
  outbox: Outbox<Kind, AttachResponse>
  service: string
  sent: { keys: string; peers: string; token: InternalToken | undefined }
}

/** One life of an instance's stream. */
export async function* attach(
  requests: AsyncIterable<AttachRequest>,
  call: Call,
  options: RegistryOptions,
  streams: Set<Stream>,
  bringUpToDate: (stream: Stream) => Promise<void>,
): AsyncIterable<AttachResponse> {
  if (!isJoining(call.caller)) throw permissionDenied('CALLER_NOT_ALLOWED', 'Instances attach with the join token.')
  const { registry, now } = options
  const outbox = createOutbox<Kind, AttachResponse>()
  const stream: Stream = { outbox, service: '', sent: { keys: '', peers: '', token: undefined } }
  const id = registry.openStream(ended => outbox.end(ended && lossOf(ended)))
  let instance = ''
  call.signal.addEventListener('abort', () => outbox.end())

  async function receive({ message }: AttachRequest) {
    if (message?.$case === 'hello') {
      if (instance) throw invalidArgument('INVALID_FIELD', 'An instance says hello once, as its first message.')
      const facts = await introduce(message.value, id, options)
      instance = facts.instance
      stream.service = facts.service
      const lease = durationOf(leaseMs)
      const heartbeatInterval = durationOf(heartbeatMs)
      outbox.put('welcome', {
        message: { $case: 'welcome', value: { issuer: options.issuer, lease, heartbeatInterval } },
      })
      streams.add(stream)
      await bringUpToDate(stream)
      return
    }
    if (!instance) throw invalidArgument('INVALID_FIELD', 'The first message of an instance is hello.')
    if (message?.$case === 'heartbeat') {
      registry.apply({
        type: 'heartbeat',
        stream: id,
        instance,
        dependencies: message.value.dependencies,
        nowMs: now(),
      })
    }
    if (message?.$case === 'draining') {
      registry.apply({ type: 'draining', stream: id, instance })
      const { waitingFor } = await options.controlPlane.whenAcked(drainMs)
      if (waitingFor.length > 0) call.log.warn({ instance, waitingFor }, 'drained without an answer of every proxy')
      outbox.put('drained', { message: { $case: 'drained', value: {} } })
    }
  }

  const reading = (async () => {
    for await (const request of requests) await receive(request)
  })()
  reading.then(
    () => outbox.end(),
    error => outbox.end(error),
  )
  try {
    yield* outbox
  } finally {
    streams.delete(stream)
    registry.closeStream(id)
    if (instance) registry.apply({ type: 'closed', stream: id, instance, nowMs: now() })
  }
}

/** Takes a hello to the registry. @throws ServiceError when the instance is refused. */
async function introduce(
  hello: Hello,
  stream: number,
  { registry, checkContract, now }: RegistryOptions,
): Promise<Facts> {
  const { service, instance, version, address, zone, startTime, contract } = hello
  if (service === consoleService) throw invalidField('service', `${consoleService} is the name of the Console itself.`)
  const contractHash = createHash('sha256').update(contract).digest('hex')
  const facts = {
    service,
    instance,
    version,
    address,
    zone,
    startTime: startTime ?? new Date(0),
    contractHash,
    ...(await endpointOf(address)),
  }
  if (registry.state().services.get(service)?.contractHash !== contractHash) {
    try {
      checkContract(service, contract)
    } catch (error) {
      throw invalidField('contract', messageOf(error))
    }
  }
  registry.addContract(contractHash, contract)
  const { refused } = registry.apply({ type: 'hello', stream, facts, nowMs: now() })
  if (refused !== undefined) throw alreadyExists('INSTANCE_CONFLICT', refused)
  return facts
}

/** Proxies resolve no names. */
async function endpointOf(address: string) {
  try {
    return await resolveAddress(address)
  } catch (error) {
    throw invalidField('address', messageOf(error))
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

function lossOf({ why, reason }: Ended): ServiceError {
  return why === 'replaced' ? alreadyExists('INSTANCE_CONFLICT', reason) : unavailable(reason)
}

const invalidField = (field: string, description: string) =>
  invalidArgument('INVALID_FIELD', `hello.${field}: ${description}`, [{ field: `hello.${field}`, description }])

const durationOf = (ms: number) => ({ seconds: Math.floor(ms / 1000), nanos: (ms % 1000) * 1e6 })
