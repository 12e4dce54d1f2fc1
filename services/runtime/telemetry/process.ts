/** What the process itself is like: event loop, heap, garbage collection, CPU and memory. */
import { readdirSync } from 'node:fs'
import { constants, monitorEventLoopDelay, PerformanceObserver, performance } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'
import { counter, durationSeries, durations, level, recordMany } from './metrics.ts'

/** How often the event loop is looked at, and how often what was seen is taken over. ms. */
const lookMs = 20
const takeMs = 5000

const gcKinds: Readonly<Record<number, string>> = {
  [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor',
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major',
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental',
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: 'weakcb',
}

/** Measures this process from now on. @returns a function that ends it. */
export function measureProcess(): () => void {
  const delay = durationSeries({
    name: 'nodejs.eventloop.delay',
    description: 'How late the event loop was',
    unit: 's',
  })
  const cpu = counter({
    name: 'process.cpu.time',
    description: 'CPU time that the process has used',
    unit: 's',
    labels: ['cpu_mode'],
  })
  const gc = durations({
    name: 'v8js.gc.duration',
    description: 'How long garbage collections took',
    unit: 's',
    labels: ['v8js_gc_type'],
  })
  const loop = monitorEventLoopDelay({ resolution: lookMs })
  loop.enable()
  let used = process.cpuUsage()
  let usedLoop = performance.eventLoopUtilization()
  let utilization = 0
  const take = () => {
    takeDelays(loop, (ms, count) => recordMany(delay, ms, count))
    const now = process.cpuUsage()
    cpu.add((now.user - used.user) / 1e6, 'user')
    cpu.add((now.system - used.system) / 1e6, 'system')
    used = now
    const nowLoop = performance.eventLoopUtilization()
    utilization = performance.eventLoopUtilization(nowLoop, usedLoop).utilization
    usedLoop = nowLoop
  }
  const timer = setInterval(take, takeMs).unref()
  const observer = new PerformanceObserver(list => {
    for (const entry of list.getEntries()) {
      const { kind = 0 } = (entry as PerformanceEntry & { detail?: { kind?: number } }).detail ?? {}
      gc.record(entry.duration, gcKinds[kind] ?? 'other')
    }
  })
  observer.observe({ entryTypes: ['gc'] })
  const levels = [
    level(
      {
        name: 'nodejs.eventloop.utilization',
        description: 'What part of the last seconds the event loop was busy',
        unit: '1',
      },
      () => utilization,
    ),
    level(
      { name: 'v8js.memory.heap.used', description: 'Heap in use', unit: 'By' },
      () => getHeapStatistics().used_heap_size,
    ),
    level(
      { name: 'v8js.memory.heap.limit', description: 'How large the heap may become', unit: 'By' },
      () => getHeapStatistics().heap_size_limit,
    ),
    level({ name: 'process.memory.usage', description: 'Resident memory', unit: 'By' }, () =>
      process.memoryUsage.rss(),
    ),
    level({ name: 'process.uptime', description: 'How long the process has been running', unit: 's' }, () =>
      process.uptime(),
    ),
    level(
      {
        // In OpenTelemetry it ends with `count`, which in Prometheus is the part of a histogram.
        name: 'process.unix.file_descriptors',
        description: 'How many files and sockets are open',
        unit: '{file_descriptor}',
      },
      openFiles,
    ),
  ]
  return () => {
    clearInterval(timer)
    take()
    loop.disable()
    observer.disconnect()
    for (const end of levels) end()
  }
}

/** Node says of percentiles what they are; between two of them is that part of what was seen. */
function takeDelays(loop: ReturnType<typeof monitorEventLoopDelay>, record: (ms: number, count: number) => void): void {
  const { count, percentiles } = loop
  let taken = 0
  for (const [percentile, nanos] of percentiles) {
    const upTo = Math.round((percentile / 100) * count)
    // What Node says has the time between two looks in it.
    if (upTo > taken) record(Math.max(0, nanos / 1e6 - lookMs), upTo - taken)
    taken = Math.max(taken, upTo)
  }
  loop.reset()
}

/** Only where the system tells. */
function openFiles(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return undefined
  }
}
