/** Golden signals, live, from the Statistics service. A mesh without it has no figures, and pages say so. */
import { Dimension, StatisticsService } from '@site11/proto/es/site11/statistics/v1/statistics_service_pb.ts'
import { useEffect } from 'react'
import type { Live, LiveSource } from '../api/live.ts'
import { mayCall } from '../api/policy.ts'
import { useLive } from '../api/use-live.ts'
import { useSession } from '../api/use-session.ts'
import { type Signals, signalsWith } from './signals.ts'

const { watchSignals } = StatisticsService.method

/** Every quarter of a minute is asked whether there are figures now. ms. */
const askAgainMs = 15_000

const sourceOf = (stepMs: number, rangeMs: number): Source => ({
  stepMs,
  rangeMs,
  source: { method: watchSignals, reduce: signalsWith(stepMs, rangeMs) },
})
interface Source {
  stepMs: number
  rangeMs: number
  source: LiveSource<typeof watchSignals.input, typeof watchSignals.output, Signals>
}

export const ranges = { '15m': sourceOf(10_000, 900_000), '1h': sourceOf(60_000, 3_600_000) } as const
export type Range = keyof typeof ranges

export interface SignalsAsked {
  by?: readonly Dimension[]
  /** Only requests to this service. */
  service?: string
  range?: Range
}

export function useSignals({ by = [Dimension.SERVICE], service = '', range = '15m' }: SignalsAsked): Live<Signals> {
  const { source, stepMs, rangeMs } = ranges[range]
  const enabled = mayCall(useSession(), watchSignals)
  const duration = (ms: number) => ({ seconds: BigInt(ms / 1000), nanos: 0 })
  const input = { groupBy: [...by], service, range: duration(rangeMs), step: duration(stepMs) }
  const { retry, ...live } = useLive(source, enabled ? input : undefined)
  const failed = live.error !== undefined
  useEffect(() => {
    if (!failed) return
    // A mesh without the service refuses for good; it may come all the same.
    const timer = setInterval(retry, askAgainMs)
    return () => clearInterval(timer)
  }, [failed, retry])
  return live
}
