/**
 * Watches grpc.health.v1 of every instance. What counts is the answer to Check, asked now and then: a process that hangs keeps its
 * streams open. The Watch stream tells when to ask at once. Of each instance one check is under way at a time, and they are spread
 * over time, so that a thousand do not come at once.
 */
import { type ChannelCredentials, Client, type ClientReadableStream, type ServiceError, status } from '@grpc/grpc-js'
import type { Identity } from '@site11/runtime/identity.ts'
import { service as healthService, type ServingStatus } from 'grpc-health-check'
import { type Health, type Instance, isSameProcess } from '../registry/model.ts'
import { type CheckResult, confirmAfterMs, damp, isOnProbation, undamped } from './damping.ts'
import { type OwnLag, watchOwnLag } from './own-lag.ts'

/** All ms. */
const checkMs = 2000
const checkWithoutWatchMs = 1000
/** So far apart are the checks of all taken together: of a thousand each is asked every 5 s, still within its lease. */
const shareMs = 5
const timeoutMs = 2000
const watchAgainMs = 1000
/** Those that come together, as after a restart of the Console, are asked first so far apart. */
const spreadMs = 1
/** However often an instance says that its health changed, it is not asked more often. */
const leastMs = 50

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
  identity: Pick<Identity, 'channelToInstance'>,
  now: () => number = Date.now,
): HealthWatch {
  const watched = new Map<string, { of: Instance; end: () => void }>()
  const lag = watchOwnLag()
  const times = { now, spacingMs: () => watched.size * shareMs, wasLate: lag.wasLate }
  return {
    follow(instances) {
      const wanted = new Set<string>()
      let started = 0
      for (const each of instances) {
        const name = each.instance
        wanted.add(name)
        const known = watched.get(name)
        // Another process under the same name is another thing to watch.
        if (known && isSameProcess(known.of, each)) continue
        known?.end()
        watched.set(name, {
          of: each,
          end: watchOne(
            each,
            health => onHealth(each, health),
            identity.channelToInstance(each.service, each.instance),
            times,
            started++ * spreadMs,
          ),
        })
      }
      if (wanted.size === watched.size) return
      for (const [name, { end }] of watched) {
        if (wanted.has(name)) continue
        watched.delete(name)
        end()
      }
    },
    close() {
      lag.close()
      for (const { end } of watched.values()) end()
      watched.clear()
    },
  }
}

/** @returns a function that ends it. */
function watchOne(
  { service, ip, port, health: initial }: Instance,
  onHealth: (health: Health) => void,
  credentials: ChannelCredentials,
  { now, spacingMs, wasLate }: { now: () => number; spacingMs: () => number; wasLate: OwnLag['wasLate'] },
  delayMs: number,
): () => void {
  const address = ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`
  const client = new Client(address, credentials, {
    'grpc.enable_channelz': 0,
    // An address is no name that a certificate is for.
    'grpc.ssl_target_name_override': service,
    // Its own connection: one shared with calls would tell of their backoff, not of the instance.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.initial_reconnect_backoff_ms': 20,
    'grpc.max_reconnect_backoff_ms': 1000,
  })
  let closed = false
  let canWatch = true
  let damping = undamped(initial)
  let timer: NodeJS.Timeout | undefined
  let checking = false
  let checkedMs = Number.NEGATIVE_INFINITY
  /** Something happened while an answer was awaited, which may be from before. */
  let askAgain = false
  let watch: ClientReadableStream<HealthResponse> | undefined
  let watchTimer: NodeJS.Timeout | undefined

  const checkAfter = (ms: number) => {
    clearTimeout(timer)
    timer = setTimeout(checkNow, ms)
  }

  async function checkNow() {
    askAgain = checking
    if (checking || closed) return
    const tooSoonMs = checkedMs + leastMs - performance.now()
    if (tooSoonMs > 0) return checkAfter(tooSoonMs)
    checking = true
    checkedMs = performance.now()
    clearTimeout(timer)
    const result = await check(client)
    checking = false
    if (closed) return
    // A Console that could not listen has not heard that there was no answer.
    if (!result.ok && wasLate(checkedMs)) return checkAfter(leastMs)
    const before = damping.health
    damping = damp(damping, result, now())
    if (damping.health !== before) onHealth(damping.health)
    const usualMs = Math.max(canWatch ? checkMs : checkWithoutWatchMs, spacingMs())
    checkAfter(confirmAfterMs(damping, now()) ?? (askAgain ? leastMs : jittered(usualMs)))
  }

  /** It says that something changed. One that says so all the time is asked at the usual times. */
  function hear() {
    if (!isOnProbation(damping)) void checkNow()
  }

  function openWatch() {
    watchTimer = undefined
    const { path, requestSerialize, responseDeserialize } = method('Watch')
    watch = client.makeServerStreamRequest<object, HealthResponse>(path, requestSerialize, responseDeserialize, {
      service: '',
    })
    const openLater = () => {
      watchTimer ??= setTimeout(openWatch, jittered(watchAgainMs))
    }
    watch.on('data', hear)
    watch.on('error', (error: ServiceError) => {
      if (closed) return
      if (error.code === status.UNIMPLEMENTED) canWatch = false
      else openLater()
      hear()
    })
    watch.on('end', () => {
      if (closed) return
      openLater()
      hear()
    })
  }
  const start = () => {
    openWatch()
    void checkNow()
  }
  if (delayMs === 0) start()
  else timer = setTimeout(start, delayMs)

  return () => {
    closed = true
    clearTimeout(timer)
    clearTimeout(watchTimer)
    watch?.cancel()
    client.close()
  }
}

const jittered = (ms: number) => ms * (0.9 + 0.2 * Math.random())

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
  if (code === status.UNAVAILABLE)
    return /certificate/.test(details) ? 'shows a certificate that is not its own, or not valid' : 'cannot be reached'
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
