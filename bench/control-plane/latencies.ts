import { quantile } from '../stats.ts'

/** ms, but for the count. */
export interface Latencies {
  count: number
  p50: number
  p95: number
  p99: number
  max: number
}

export function latenciesOf(values: readonly number[]): Latencies {
  const sorted = Float64Array.from(values).sort()
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map(q => quantile(sorted, q)) as [number, number, number]
  return { count: sorted.length, p50, p95, p99, max: sorted.at(-1) ?? 0 }
}
