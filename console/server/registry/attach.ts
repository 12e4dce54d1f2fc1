/** The stream that an instance is attached by: lease, heartbeat and push channel in one. */
import { createHash, type KeyObject } from 'node:crypto'
import { status } from '@grpc/grpc-js'
import type {
  AttachRequest,
  AttachResponse,
  CertificateRequest,
  Hello,
} from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import type { Call } from '@site11/runtime/call.ts'
import {
  alreadyExists,
  failedPrecondition,
  invalidArgument,
  permissionDenied,
  ServiceError,
  unavailable,
} from '@site11/runtime/errors.ts'
import { publicKeyFrom } from '../ca/x509.ts'
import type { ControlPlane } from '../control-plane/server.ts'
import { type Endpoint, resolveAddress } from '../resolve.ts'
import { isJoining } from './join.ts'
import type { LiveRegistry } from './live-registry.ts'
import { defaultApiVersion, type Facts, heartbeatMs, type Instance, leaseMs } from './model.ts'
import { createOutbox } from './outbox.ts'
import type { Ended } from './outcome.ts'
import type { Pushing, Stream } from './push.ts'

export interface AttachOptions {
  registry: LiveRegistry
  issuer: string
  controlPlane: Pick<ControlPlane, 'waitForAcks'>
  /** @throws Error saying why, when the edge could not be configured with this contract of the service. */
  checkContract(service: string, descriptors: Uint8Array): void
  /** The Console as one of the instances. */
  own(): Instance
  /** Told of what an instance has measured of itself, when it was asked. */
  onMetrics?(instance: string, number: number, page: Buffer): void
  now(): number
}

/** How long a leaving instance waits for the proxies at most. ms. */
const drainMs = 2000

/** One life of an instance's stream. */
export async function* attach(
  requests: AsyncIterable<AttachRequest>,
  call: Call,
  options: AttachOptions,
  pushing: Pushing,
): AsyncIterable<AttachResponse> {
  if (!isJoining(call.caller)) throw permissionDenied('CALLER_NOT_ALLOWED', 'Instances attach with the join token.')
  const { registry, now } = options
  const outbox = createOutbox<string, AttachResponse>()
  const stream: Stream = {
    outbox,
    service: '',
    instance: '',
    keys: '',
    token: undefined,
    publicKey: undefined,
    trust: '',
    watched: new Set(),
  }
  const id = registry.openStream(ended => outbox.end(ended && lossOf(ended)))
  let said: Hello | undefined
  let instance = ''
  call.signal.addEventListener('abort', () => outbox.end())

  async function receive({ message }: AttachRequest) {
    if (message?.$case === 'hello') {
      if (instance) throw invalidArgument('INVALID_FIELD', 'An instance says hello once, as its first message.')
      said = message.value
      const facts = await introduce(said, id, options)
      instance = facts.instance
      stream.service = facts.service
      stream.instance = facts.instance
      const value = { issuer: options.issuer, lease: durationOf(leaseMs), heartbeatInterval: durationOf(heartbeatMs) }
      outbox.put('welcome', { message: { $case: 'welcome', value } })
      await pushing.add(stream)
      return
    }
    if (!instance) throw invalidArgument('INVALID_FIELD', 'The first message of an instance is hello.')
    switch (message?.$case) {
      case 'heartbeat': {
        const { sendTime, dependencies, calls } = message.value
        const known = registry.state().instances.get(instance)?.clockOffsetMs
        const clockOffsetMs = offsetOf(sendTime, now()) ?? known ?? 0
        registry.apply({ type: 'heartbeat', stream: id, instance, dependencies, calls, clockOffsetMs, nowMs: now() })
        return
      }
      case 'watchPeers':
        pushing.watch(stream, message.value.services)
        return
      case 'certificateRequest':
        pushing.certify(stream, keyIn(message.value))
        return
      case 'metricsPage':
        options.onMetrics?.(instance, message.value.number, message.value.page)
        return
      case 'draining':
        await leave()
    }
  }

  async function leave() {
    const { change } = registry.apply({ type: 'draining', stream: id, instance, nowMs: now() })
    const wanted = { timeoutMs: drainMs, signal: call.signal, ...(change > 0 && { change }) }
    const { waiting } = await options.controlPlane.waitForAcks(wanted)
    if (waiting.length > 0) call.log.warn({ instance, waiting }, 'drained without an answer of every proxy')
    outbox.put('drained', { message: { $case: 'drained', value: {} } })
  }

  const reading = (async () => {
    for await (const request of requests) await receive(request)
  })()
  reading.then(
    () => outbox.end(),
    error => {
      if (!instance && isRefusal(error)) {
        const { service = '', instance = '', address = '' } = said ?? {}
        registry.refuse({ service, instance, address, reason: error.message })
      }
      outbox.end(error)
    },
  )
  try {
    yield* outbox
  } finally {
    pushing.remove(stream)
    registry.closeStream(id)
    if (instance) registry.apply({ type: 'closed', stream: id, instance, nowMs: now() })
  }
}

function keyIn({ publicKey }: CertificateRequest): KeyObject {
  try {
    return publicKeyFrom(publicKey)
  } catch (error) {
    const field = 'certificate_request.public_key'
    const description = `This is no public key of ECDSA over P-256 (SubjectPublicKeyInfo, DER): ${messageOf(error)}`
    throw invalidArgument('INVALID_FIELD', `${field}: ${description}`, [{ field, description }])
  }
}

/** Takes a hello to the registry. @throws ServiceError when the instance is refused. */
async function introduce(hello: Hello, stream: number, options: AttachOptions): Promise<Facts> {
  const { registry, checkContract, now } = options
  const { service, instance, version, address, zone, contract } = hello
  const receivedMs = now()
  const own = options.own()
  if (service === own.service) throw invalidField('service', `${service} is the name of the Console itself.`)
  if (instance === own.instance) throw invalidField('instance', `${instance} is the name of the Console itself.`)
  const startTime = hello.startTime ?? new Date(Number.NaN)
  if (Number.isNaN(startTime.getTime())) throw invalidField('start_time', 'This is no time that can be.')
  const endpoint = await endpointOf(address)
  if (endpoint.ip === own.ip && endpoint.port === own.port) {
    throw invalidField('address', `${address} is where the Console itself is.`)
  }
  const contractHash = createHash('sha256').update(contract).digest('hex')
  if (registry.state().services.get(service)?.contractHash !== contractHash) {
    try {
      checkContract(service, contract)
    } catch (error) {
      throw invalidField('contract', messageOf(error))
    }
  }
  registry.addContract(contractHash, contract)
  const apiVersion = hello.apiVersion || defaultApiVersion
  const facts = { service, instance, version, apiVersion, address, zone, startTime, contractHash, ...endpoint }
  const clockOffsetMs = offsetOf(hello.sendTime, receivedMs) ?? 0
  const { refused } = registry.apply({ type: 'hello', stream, facts, clockOffsetMs, nowMs: now() })
  if (refused?.reason === 'WRONG_STATE') throw failedPrecondition(refused.reason, refused.message)
  if (refused) throw alreadyExists(refused.reason, refused.message)
  return facts
}

/** Proxies resolve no names. */
async function endpointOf(address: string): Promise<Endpoint> {
  let endpoint: Endpoint
  try {
    endpoint = await resolveAddress(address)
  } catch (error) {
    throw invalidField('address', messageOf(error))
  }
  const { ip, port } = endpoint
  if (!(port >= 1 && port <= 65_535)) throw invalidField('address', `${address} has no port that can be called.`)
  if (isForMany(ip)) throw invalidField('address', `${address} is not the address of one machine.`)
  return endpoint
}

/** Multicast, broadcast, and link-local IPv6 with a zone, which means something on one machine only. */
const isForMany = (ip: string) => /^(22[4-9]|23\d|24\d|25[0-5])\./.test(ip) || /^ff|%/i.test(ip)

/** @returns how far the clock of the sender is ahead, in ms; undefined when it does not say what time it has. */
function offsetOf(sendTime: Date | undefined, nowMs: number): number | undefined {
  const ms = sendTime?.getTime()
  return ms === undefined || Number.isNaN(ms) ? undefined : ms - nowMs
}

function isRefusal(error: unknown): error is ServiceError {
  const codes = [status.INVALID_ARGUMENT, status.ALREADY_EXISTS, status.FAILED_PRECONDITION]
  return error instanceof ServiceError && codes.includes(error.code)
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

function lossOf({ why, reason }: Ended): ServiceError {
  if (why === 'removed') return failedPrecondition('WRONG_STATE', reason)
  return why === 'replaced' ? alreadyExists('INSTANCE_CONFLICT', reason) : unavailable(reason)
}

const invalidField = (field: string, description: string) =>
  invalidArgument('INVALID_FIELD', `hello.${field}: ${description}`, [{ field: `hello.${field}`, description }])

const durationOf = (ms: number) => ({ seconds: Math.floor(ms / 1000), nanos: (ms % 1000) * 1e6 })
