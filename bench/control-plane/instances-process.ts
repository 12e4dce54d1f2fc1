/** The process of the simulated instances. */
import { setTimeout as delay } from 'node:timers/promises'
import { contractOfFake } from '@site11/runtime/test-contract.ts'
import { answerParent, watchLateness } from './child.ts'
import { nowMs } from './clock.ts'
import { type SimulatedInstance, startInstance } from './instance.ts'

export type InstanceHandlers = typeof handlers

const methods = 5
const instances = new Map<string, SimulatedInstance>()
const counts = { heartbeats: 0, peers: 0, other: 0, 'lost streams': 0 }
const lateness = watchLateness()

const nameOf = (service: number) => `bench_${service + 1}`

function instanceOf(name: string): SimulatedInstance {
  const found = instances.get(name)
  if (!found) throw new Error(`There is no instance ${name}.`)
  return found
}

const handlers = {
  /** Attaches so many instances, so many a second. @returns each with its port, and in how many ms all were welcome. */
  async start(options: {
    console: string
    joinToken: string
    trust: string
    instances: number
    services: number
    perSecond: number
  }) {
    const { console, joinToken, trust, services, perSecond } = options
    const contracts = Array.from({ length: services }, (_, index) => contractOfFake(nameOf(index), methods))
    for (let index = 0; index < options.instances; index++) {
      const service = index % services
      const name = `bench-${service + 1}-${Math.floor(index / services) + 1}`
      const instance = await startInstance({
        console,
        joinToken,
        trust,
        service: nameOf(service),
        name,
        contract: contracts[service] ?? Buffer.alloc(0),
        watches: [1, 2].map(step => nameOf((service + step) % services)),
        count: what => counts[what]++,
      })
      instances.set(name, instance)
    }
    const beganMs = nowMs()
    const welcomes: Promise<void>[] = []
    for (const instance of instances.values()) {
      const dueMs = beganMs + (welcomes.length * 1000) / perSecond
      if (dueMs > nowMs()) await delay(dueMs - nowMs())
      welcomes.push(instance.attach())
    }
    await Promise.all(welcomes)
    const ports = [...instances.values()].map(({ name, server }): [string, number] => [name, server.port])
    return { ports, tookMs: nowMs() - beganMs }
  },
  setServing: ({ name, serving }: { name: string; serving: boolean }) => instanceOf(name).server.setServing(serving),
  /** Drains and leaves. */
  async leave(name: string) {
    const instance = instanceOf(name)
    await instance.drain()
    instance.leave()
  },
  come: (name: string) => instanceOf(name).attach(),
  /** These change their health each second, each at a moment of its own, for so long; then all serve. */
  async flap({ names, seconds }: { names: string[]; seconds: number }) {
    const flapping = names.map(async name => {
      const { server } = instanceOf(name)
      await delay(Math.random() * 1000)
      for (let second = 0; second < seconds; second++) {
        server.setServing(second % 2 === 1)
        await delay(1000)
      }
      server.setServing(true)
    })
    await Promise.all(flapping)
  },
  /** What each was told of its peers: the ports, by service. */
  peers: () =>
    [...instances.values()].map(({ name, peers }) => ({
      name,
      peers: [...peers].map(([service, addresses]): [string, number[]] => [
        service,
        addresses.map(address => Number(address.slice(address.lastIndexOf(':') + 1))),
      ]),
    })),
  /** What was sent and received since the start, and how late this process was since it was asked last. */
  counts: () => ({ ...counts, late: lateness() }),
}

answerParent(handlers)
