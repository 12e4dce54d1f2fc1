/** The process of the simulated proxies. It tells its parent, as soon as it has time, when which proxy began or ceased to send requests where. */
import { answerParent, watchLateness } from './child.ts'
import { nowMs } from './clock.ts'
import { type Endpoints, health, type Variant } from './envoy-api.ts'
import { type SimulatedProxy, startProxy } from './proxy.ts'

/** A proxy began (1) or ceased (0) to send requests to a port. */
export type Turn = [proxy: number, port: number, serving: 0 | 1, atMs: number]

export type ProxyHandlers = typeof handlers

/** How long the slow one takes to answer. ms. */
const slowMs = 50
const tellMs = 10

let proxies: SimulatedProxy[] = []
let turns: Turn[] = []
const lateness = watchLateness()

const handlers = {
  /** Starts proxies, of which the last never answers after its first time, and the one before it is slow. */
  start({
    count,
    variant,
    ...console
  }: {
    console: string
    joinToken: string
    trust: string
    count: number
    variant: Variant
  }) {
    proxies = Array.from({ length: count }, (_, index) =>
      startProxy({
        ...console,
        nodeId: `bench-${variant}-${index + 1}`,
        variant,
        answerMs: index === count - 2 ? slowMs : 0,
        stuck: index === count - 1,
        onEndpoints: (before, after) => compare(index, before, after),
      }),
    )
  },
  /** The one that has not answered does so, and from then on. */
  unstick: () => proxies.at(-1)?.unstick(),
  /** What each proxy has: the health of each endpoint by its port. */
  endpoints: () => proxies.map(({ endpoints }) => [...endpoints.values()].flatMap(each => [...each])),
  /** What was received since the start, all proxies together, and how late this process was since it was asked last. */
  received() {
    const sum = (key: keyof SimulatedProxy['received']) => proxies.reduce((all, { received }) => all + received[key], 0)
    return {
      responses: sum('responses'),
      resources: sum('resources'),
      bytes: sum('bytes'),
      stuckResponses: proxies.at(-1)?.received.responses ?? 0,
      late: lateness(),
    }
  },
  stop() {
    for (const proxy of proxies) proxy.close()
    proxies = []
  },
}

function compare(proxy: number, before: Endpoints = new Map(), after: Endpoints = new Map()) {
  const atMs = nowMs()
  const isServing = (value: number | undefined) => (value === health.healthy ? 1 : 0)
  for (const port of new Set([...before.keys(), ...after.keys()])) {
    const serving = isServing(after.get(port))
    if (serving !== isServing(before.get(port))) turns.push([proxy, port, serving, atMs])
  }
}

const tell = answerParent(handlers)
setInterval(() => {
  if (turns.length > 0) tell(turns)
  turns = []
}, tellMs)
