/** Whether proxies and instances know what the registry knows. */
import { setTimeout as delay } from 'node:timers/promises'
import { type Instance, InstanceHealth } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import { health } from './envoy-api.ts'
import type { Simulation } from './simulation.ts'

/**
 * Waits until proxies have what the registry has, and, where `serving` is given, so many instances serve.
 * @returns after how many ms. What still differs when the time is over is for `differencesOf` to tell.
 */
export async function untilAgreed(simulation: Simulation, timeoutMs: number, serving = 0): Promise<number> {
  const began = Date.now()
  while (Date.now() - began < timeoutMs) {
    const all = await simulation.api.instances()
    const enough = all.filter(each => expectedHealth(each) === health.healthy).length >= serving
    if (enough && (await differencesOf(simulation, false)).length === 0) break
    await delay(250)
  }
  return Date.now() - began
}

function expectedHealth({ health: found, draining, drainTime }: Instance): number {
  if (draining || drainTime) return health.draining
  return found === InstanceHealth.INSTANCE_HEALTH_HEALTHY ? health.healthy : health.unhealthy
}

/** Compares what proxies have, and what instances were told of their peers, with the registry. `all`: the proxy that never answers, too. */
export async function differencesOf({ api, proxies, instances, console }: Simulation, all: boolean): Promise<string[]> {
  const registered = (await api.instances()).filter(({ service }) => service !== 'console')
  const [known, told] = await Promise.all([proxies.ask('endpoints', undefined), instances.ask('peers', undefined)])
  const portOf = ({ address }: Instance) => Number(address.slice(address.lastIndexOf(':') + 1))
  const wanted = new Map(registered.map(each => [portOf(each), expectedHealth(each)]))
  const own = [console.grpc, console.liveUrl].map(text => Number(/:(\d+)/.exec(text)?.[1]))
  const found: string[] = []
  for (const [index, endpoints] of known.slice(0, all ? known.length : -1).entries()) {
    const has = new Map(endpoints.filter(([port]) => !own.includes(port)))
    const ports = new Set([...wanted.keys(), ...has.keys()])
    const wrong = [...ports].filter(port => has.get(port) !== wanted.get(port))
    const [port = 0] = wrong
    if (wrong.length > 0)
      found.push(
        `proxy ${index + 1} has ${wrong.length} endpoints other than the registry: port ${port} is ${has.get(port)}, not ${wanted.get(port)}`,
      )
  }
  const serving = Map.groupBy(
    registered.filter(each => expectedHealth(each) === health.healthy),
    ({ service }) => service,
  )
  for (const { name, peers } of told) {
    for (const [service, ports] of peers) {
      const right = (serving.get(service) ?? []).map(portOf)
      if (ports.length !== right.length || right.some(port => !ports.includes(port)))
        found.push(`${name} knows ${ports.length} peers of ${service}, and there are ${right.length}`)
    }
  }
  return found
}
