/**
 * Golden signals, live, from the Statistics service. A mesh without it has no figures, and pages say so.
 *
 * A browser has six connections for all pages of a site together, and each stream keeps one. So a page has one stream of signals,
 * that of its charts; the figures of parts (instances, versions, methods) are asked for anew at every step.
 */
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { Code, ConnectError } from '@connectrpc/connect'
import {
  Dimension,
  StatisticsService,
  type WatchSignalsResponse,
} from '@site11/proto/es/site11/statistics/v1/statistics_service_pb.ts'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useEffect } from 'react'
import { transport } from '../api/client.ts'
import type { Live, LiveSource } from '../api/live.ts'
import { mayCall } from '../api/policy.ts'
import { useLive } from '../api/use-live.ts'
import { useSession } from '../api/use-session.ts'
import { figuresMs, type Signals, signalsWith } from './signals.ts'

const { watchSignals } = StatisticsService.method

/** Every quarter of a minute is asked whether there are figures now. ms. */
const askAgainMs = 15_000
const firstAnswerMs = 10_000

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

const duration = (ms: number) => ({ seconds: BigInt(ms / 1000), nanos: 0 })

/**
 * The signals of services as they are, live.
 * @param service only requests to this one.
 */
export function useSignals({ service = '', range = '15m' }: { service?: string; range?: Range } = {}): Live<Signals> {
  const { source, stepMs, rangeMs } = ranges[range]
  const enabled = mayCall(useSession(), watchSignals)
  const input = { groupBy: [Dimension.SERVICE], service, range: duration(rangeMs), step: duration(stepMs) }
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

/**
 * The signals of parts, as they were at the last step.
 * @param by what a part is.
 */
export function usePartSignals({
  by,
  service = '',
  range,
}: {
  by: readonly Dimension[]
  service?: string
  /** What charts show; without it, as much as figures need. */
  range?: Range | undefined
}): Signals | undefined {
  const { stepMs } = ranges[range ?? '15m']
  const rangeMs = range ? ranges[range].rangeMs : figuresMs
  const enabled = mayCall(useSession(), watchSignals)
  const { data } = useQuery({
    queryKey: ['signals', by, service, rangeMs],
    queryFn: ({ signal }) =>
      once({ groupBy: [...by], service, range: duration(rangeMs), step: duration(stepMs) }, signal),
    enabled,
    retry: false,
    refetchInterval: stepMs,
    placeholderData: keepPreviousData,
  })
  return data && signalsWith(stepMs, rangeMs)(undefined, data)
}

/** @returns the first answer, which has all that was. */
async function once(
  input: MessageInitShape<typeof watchSignals.input>,
  signal: AbortSignal,
): Promise<WatchSignalsResponse> {
  const enough = new AbortController()
  const request = (async function* () {
    yield create(watchSignals.input, input)
  })()
  try {
    const ends = AbortSignal.any([signal, enough.signal])
    const { message } = await transport.stream(watchSignals, ends, firstAnswerMs, undefined, request)
    for await (const answer of message) return answer
    throw new ConnectError('The stream ended without an answer.', Code.Unavailable)
  } finally {
    enough.abort()
  }
}
