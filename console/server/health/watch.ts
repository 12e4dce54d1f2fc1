/**
 * Watches grpc.health.v1 of every instance. What counts is the answer to Check, asked now and then: a process that hangs keeps its
 * streams open. The Watch stream tells when to ask at once.
 */
import { Client, type ClientReadableStream, credentials, type ServiceError, status } from '@grpc/grpc-js'
import { service as healthService, type ServingStatus } from 'grpc-health-check'
import type { Health, Instance } from '../registry/registry.ts'
import { type CheckResult, damp } from './damping.ts'

/** All ms. */
const checkMs = 2000
const checkWithoutWatchMs = 1000
const timeoutMs = 2000
/** How soon a result is confirmed that speaks against what is believed. */
const confirmMs = 200
const watchAgainMs = 1000

interface HealthResponse {
  status: ServingStatus | 'SERVICE_UNKNOWN'
}

export interface HealthWatch {
  /** Watches these instances and no others. */
  follow(instances: Iterable<Instance>): void
  close(): void
}

/** @param onHealth told of each change. */
export function createHealthWatch(
  onHealth: (instance: Pick<Instance, 'instance' | 'startTime'>, health: Health) => void,
  now: () => number = Date.now,
): HealthWatch {
  const watched = new Map<string, () => void>()
  const stop = (wanted: ReadonlySet<string>) => {
    for (const [key, end] of watched) {
      if (wanted.has(key)) continue
      watched.delete(key)
      end()
    }
  }
  return {
    follow(instances) {
      const list = [...instances]
      stop(new Set(list.map(keyOf)))
      for (const each of list) {
        const key = keyOf(each)
        if (!watched.has(key))
          watched.set(
            key,
            watchOne(each, health => onHealth(each, health), now),
          )
      }
    },
    close: () => stop(new Set()),
  }
}

/** Another process under the same name is another thing to watch. */
const keyOf = ({ instance, ip, port, startTime }: Instance) => `${instance} ${ip} ${port} ${startTime.getTime()}`

/** @returns a function that ends it. */
function watchOne(
  { ip, port, health: initial }: Instance,
  onHealth: (health: Health) => void,
  now: () => number,
): () => void {
  const address = ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`
  const client = new Client(address, credentials.createInsecure(), {
    'grpc.enable_channelz': 0,
    // Its own connection: one shared with calls would tell of their backoff, not of the instance.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 1000,
  })
  let closed = false
  let canWatch = true
  let damping = { health: initial, against: 0 }
  let timer: NodeJS.Timeout | undefined
  let checking = false
  /** Something happened while an answer was awaited, which may be from before. */
  let askAgain = false
  let watch: ClientReadableStream<HealthResponse> | undefined
  let watchTimer: NodeJS.Timeout | undefined

  async function checkNow() {
    askAgain = checking
    if (checking || closed) return
    checking = true
    clearTimeout(timer)
    const result = await check(client)
    checking = false
    if (closed) return
    const before = damping.health
    damping = damp(damping, result, now())
    if (damping.health !== before) onHealth(damping.health)
    const undecided = askAgain || damping.against > 0 || damping.health.status === 'unknown'
    timer = setTimeout(checkNow, undecided ? confirmMs : canWatch ? checkMs : checkWithoutWatchMs)
  }

  function openWatch() {
    watchTimer = undefined
    const { path, requestSerialize, responseDeserialize } = method('Watch')
    watch = client.makeServerStreamRequest<object, HealthResponse>(path, requestSerialize, responseDeserialize, {
      service: '',
    })
    watch.on('data', checkNow)
    watch.on('error', (error: ServiceError) => {
      if (closed) return
      if (error.code === status.UNIMPLEMENTED) canWatch = false
      else watchTimer ??= setTimeout(openWatch, watchAgainMs)
      void checkNow()
    })
    watch.on('end', () => {
      if (closed) return
      watchTimer ??= setTimeout(openWatch, watchAgainMs)
      void checkNow()
    })
  }
  openWatch()
  void checkNow()

  return () => {
    closed = true
    clearTimeout(timer)
    clearTimeout(watchTimer)
    watch?.cancel()
    client.close()
  }
}

function check(client: Client): Promise<CheckResult> {
  const { path, requestSerialize, responseDeserialize } = method('Check')
  return new Promise(resolve => {
    client.makeUnaryRequest<object, HealthResponse>(
      path,
      requestSerialize,
      responseDeserialize,
      { service: '' },
      { deadline: Date.now() + timeoutMs },
      (error, response) => {
        if (error) resolve({ ok: false, reason: reasonOf(error) })
        else if (response?.status === 'SERVING') resolve({ ok: true, reason: '' })
        else resolve({ ok: false, reason: 'says that it does not serve' })
      },
    )
  })
}

function reasonOf({ code, details }: ServiceError): string {
  if (code === status.DEADLINE_EXCEEDED) return `no answer within ${timeoutMs / 1000} s`
  if (code === status.UNIMPLEMENTED) return 'does not implement grpc.health.v1'
  if (code === status.UNAVAILABLE) return 'cannot be reached'
  return details
}

function method(name: 'Check' | 'Watch') {
  const found = healthService[name]
  if (!found || !('requestSerialize' in found)) throw new Error(`grpc-health-check has no method ${name}.`)
  const { path, requestSerialize, responseDeserialize } = found
  return {
    path,
    requestSerialize,
    responseDeserialize: (bytes: Buffer) => responseDeserialize(bytes) as HealthResponse,
  }
}
