/** From the registration of an instance to its first request through a real Envoy, and from its removal to the last one. */
import { setTimeout as delay } from 'node:timers/promises'
import { EndpointStatus } from '@site11/proto/grpc/site11/console/v1/diagnostics_service.ts'
import { contractOfFake } from '@site11/runtime/test-contract.ts'
import type { Started } from '../cleanup.ts'
import type { BenchMesh } from '../mesh.ts'
import { nowMs } from './clock.ts'
import { connectConsole } from './console-api.ts'
import { type SimulatedInstance, startInstance } from './instance.ts'
import { type Latencies, latenciesOf } from './latencies.ts'
import { startPoller } from './poller.ts'

export interface EdgeReport {
  /** Since the hello was sent. */
  registration: Record<
    'welcome' | 'first health check' | 'known to be healthy' | 'taken by the proxy' | 'first answer',
    Latencies
  >
  /** Since it said that it leaves. */
  leaving: Record<'last request' | 'told that it is drained', Latencies>
  /** Since the operator's call was sent. */
  drained: Record<'last request' | 'answer to the operator' | 'taken by the proxy', Latencies>
  /** Requests that arrived after the instance was told that none would, and after the proxy had taken the operator's drain. */
  late: { leaving: number; drained: number }
  requests: { sent: number; failures: Record<string, number> }
}

const service = 'widgets'
/** Between the steps of a round: what went before must be over, and rounds must not fall into step with timers. */
const pauseMs = () => 100 + Math.random() * 100
/** An instance that no request reached for so long has had its last one. */
const quietMs = 300
const giveUpMs = 10_000

/** @param rounds of each of both ways to go. @param started is handed what must be stopped in any case. */
export async function measureEdge(mesh: BenchMesh, rounds: number, started: Started): Promise<EdgeReport> {
  const api = connectConsole({ ...mesh, grpc: mesh.console })
  started(api.close)
  const contract = contractOfFake(service, 1)
  const { console, joinToken, trust } = mesh
  const newInstance = async (name: string) => {
    const instance = await startInstance({ console, joinToken, trust, service, name, contract })
    started(instance.close)
    return instance
  }
  const steady = await newInstance(`${service}-steady`)
  await steady.attach()
  const poller = await startPoller(mesh, service)
  started(poller.stop)

  async function register(instance: SimulatedInstance) {
    const { name, server } = instance
    const first = poller.firstAnswer(name)
    const [beganMs, began] = [nowMs(), Date.now()]
    const both = Promise.all([instance.attach().then(nowMs), first])
    const [welcomeMs, firstMs] = await within(`the registration of ${name}`, both)
    const { healthSince, takenSince } = await within(`the belief in ${name}`, believed(name))
    return {
      welcome: welcomeMs - beganMs,
      'first health check': (server.firstCheckMs() ?? firstMs) - beganMs,
      'known to be healthy': healthSince - began,
      'taken by the proxy': takenSince - began,
      'first answer': firstMs - beganMs,
    }
  }

  /** Since when the Console knows it to be healthy, and since when it knows that Envoy has it so. ms, of the time of day. */
  async function believed(name: string): Promise<{ healthSince: number; takenSince: number }> {
    for (;;) {
      await delay(pauseMs())
      const found = (await api.beliefs(service)).find(({ instance }) => instance?.instance === name)
      const [proxy] = found?.proxies ?? []
      if (found?.instance?.healthSince && proxy?.since && proxy.status === EndpointStatus.ENDPOINT_STATUS_HEALTHY)
        return { healthSince: found.instance.healthSince.getTime(), takenSince: proxy.since.getTime() }
    }
  }

  async function forgotten(name: string) {
    while ((await api.instances()).some(({ instance }) => instance === name)) await delay(20)
  }

  /** Resolves when the last request was long ago. @returns when it arrived, and how many arrived after `sinceMs`. */
  async function lastCall({ server: { calls } }: SimulatedInstance, sinceMs: number) {
    const { count } = calls
    while (nowMs() - Math.max(calls.lastMs, sinceMs) < quietMs) await delay(20)
    return { lastMs: calls.lastMs, late: calls.count - count }
  }

  const registrations: Awaited<ReturnType<typeof register>>[] = []
  const leaving: Record<keyof EdgeReport['leaving'], number>[] = []
  const drained: Record<keyof EdgeReport['drained'], number>[] = []
  const late = { leaving: 0, drained: 0 }
  for (let round = 0; round < rounds * 2; round++) {
    const instance = await newInstance(`${service}-${round + 1}`)
    await delay(pauseMs())
    registrations.push(await register(instance))
    const beganMs = nowMs()
    const since = (ms: number) => Math.max(0, ms - beganMs)
    if (round % 2 === 0) {
      const toldMs = await within('draining', instance.drain().then(nowMs))
      const last = await lastCall(instance, toldMs)
      late.leaving += last.late
      leaving.push({ 'last request': since(last.lastMs), 'told that it is drained': since(toldMs) })
      instance.leave()
    } else {
      const change = await api.drain(instance.name)
      const answeredMs = nowMs()
      await api.acked(change)
      const takenMs = nowMs()
      const last = await lastCall(instance, takenMs)
      late.drained += last.late
      drained.push({
        'last request': since(last.lastMs),
        'answer to the operator': since(answeredMs),
        'taken by the proxy': since(takenMs),
      })
      await api.remove(instance.name)
    }
    await within(`the end of ${instance.name}`, forgotten(instance.name))
    instance.close()
  }
  await poller.stop()
  return {
    registration: summary(registrations),
    leaving: summary(leaving),
    drained: summary(drained),
    late,
    requests: { sent: poller.sent, failures: poller.failures },
  }
}

function summary<K extends string>(rounds: Record<K, number>[]): Record<K, Latencies> {
  const keys = Object.keys(rounds[0] ?? {}) as K[]
  return Object.fromEntries(keys.map(key => [key, latenciesOf(rounds.map(round => round[key]))])) as Record<
    K,
    Latencies
  >
}

async function within<T>(what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${giveUpMs / 1000} s`)), giveUpMs)
  })
  return Promise.race([promise, timeout]).finally(() => clearTimeout(timer))
}
