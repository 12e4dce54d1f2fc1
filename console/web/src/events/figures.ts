/** Rates and words of events: pure. All times in ms. */
import { type Duration, durationMs } from '@bufbuild/protobuf/wkt'
import type { EventGroup, EventStream } from '@site11/proto/es/site11/console/v1/events_service_pb.ts'

/** Over how long a rate is taken. */
const windowMs = 15_000

interface Sample {
  atMs: number
  appended: bigint
}
export type Samples = ReadonlyMap<string, readonly Sample[]>

/** Takes an answer in. A stream that has begun anew, its count with it, has no past. */
export function withSample(
  before: Samples,
  streams: readonly Pick<EventStream, 'stream' | 'appended'>[],
  atMs: number,
): Samples {
  return new Map(
    streams.map(({ stream, appended }) => {
      const past = before.get(stream) ?? []
      const last = past.at(-1)
      if (last && last.atMs >= atMs) return [stream, past]
      const kept = last && last.appended > appended ? [] : past.filter(sample => sample.atMs >= atMs - windowMs)
      return [stream, [...kept, { atMs, appended }]]
    }),
  )
}

/** @returns events a second; undefined until that can be told. */
export function rateOf(samples: Samples, stream: string): number | undefined {
  const [first, ...rest] = samples.get(stream) ?? []
  const last = rest.at(-1)
  if (!first || !last) return undefined
  return (Number(last.appended - first.appended) / (last.atMs - first.atMs)) * 1000
}

/** `site11.users.v1.UserCreated` -> `UserCreated`. */
export const typeName = (type: string) => type.slice(type.lastIndexOf('.') + 1)

/** @returns the trace id of a W3C traceparent; empty when there is none. */
export const traceIdOf = (traceparent: string) => /^00-([0-9a-f]{32})-/.exec(traceparent)?.[1] ?? ''

export const ageMs = (age: Duration | undefined) => age && durationMs(age)

/** How many a group has not handled: those that it was given, and those that it was not. */
export const waitingOf = ({ lag, pending }: Pick<EventGroup, 'lag' | 'pending'>) => lag + pending
