/** The flows as the Statistics service tells them, live. */
import { Code, ConnectError } from '@connectrpc/connect'
import { Dimension, StatisticsService } from '@site11/proto/es/site11/statistics/v1/statistics_service_pb.ts'
import { useEffect } from 'react'
import type { LiveSource } from '../api/live.ts'
import { mayCall } from '../api/policy.ts'
import { useLive } from '../api/use-live.ts'
import { useSession } from '../api/use-session.ts'
import { figuresMs, type Signals, signalsWith } from '../signals/signals.ts'
import { type Flow, flowsOf } from './flows.ts'

const { watchSignals } = StatisticsService.method
const stepMs = 10_000

const source: LiveSource<typeof watchSignals.input, typeof watchSignals.output, Signals> = {
  method: watchSignals,
  reduce: signalsWith(stepMs, figuresMs),
}

const request = {
  groupBy: [Dimension.CALLER, Dimension.SERVICE],
  range: { seconds: BigInt(figuresMs / 1000) },
  step: { seconds: BigInt(stepMs / 1000) },
}

/**
 * @param present whether the Statistics service is there: when it comes, it is asked again.
 * @returns the flows, live; `absent` when there is nobody to tell them.
 */
export function useFlows(present: boolean): { flows: Flow[] | undefined; absent: boolean } {
  const enabled = mayCall(useSession(), watchSignals)
  const { value, live, error, retry } = useLive(source, enabled ? request : undefined)
  const absent = error !== undefined && !live
  // biome-ignore lint/correctness/useExhaustiveDependencies: only its coming is a reason to ask again
  useEffect(() => {
    if (present && absent && isFinal(error)) retry()
  }, [present])
  return { flows: value && live ? flowsOf(value) : undefined, absent }
}

/** What the stream does not try again by itself. */
const isFinal = (error: unknown) => [Code.Unimplemented, Code.NotFound].includes(ConnectError.from(error).code)
