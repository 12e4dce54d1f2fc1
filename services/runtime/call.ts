/** What a handler knows of a call besides its request, and the shape of handlers. */
import type { Caller } from './caller.ts'
import type { Log } from './log.ts'
import type { TraceContext } from './telemetry/trace-context.ts'
import type { RequestMetadata } from './unary.ts'

export interface Call {
  caller: Caller
  /** 32 hexadecimal digits; the same in every log line and hop of a request. */
  readonly traceId: string
  /** Where in the trace the call is: what is called for it comes under that. */
  readonly trace: TraceContext
  metadata: RequestMetadata
  /** Aborted when the caller hangs up or the time is over. */
  signal: AbortSignal
  /** When the time is over, in epoch ms; Infinity when there is no limit. Calls that are made for this one end by then too. */
  readonly deadlineMs: number
  log: Log
  /** Sets a header of the response; only before the first message. */
  setHeader(name: string, value: string): void
}

interface Described {
  readonly requestStream: boolean
  readonly responseStream: boolean
  readonly requestDeserialize: (bytes: Buffer) => unknown
  readonly responseSerialize: (value: never) => Buffer
}

type Request<D extends Described> = ReturnType<D['requestDeserialize']>
type Response<D extends Described> = Parameters<D['responseSerialize']>[0]

/** A handler of a method, by whether its request and response are streams. */
export type Handler<D extends Described> = (
  request: D['requestStream'] extends true ? AsyncIterable<Request<D>> : Request<D>,
  call: Call,
) => D['responseStream'] extends true ? AsyncIterable<Response<D>> : Promise<Response<D>>

/** One handler for each method of a service, as plain functions. */
export type Handlers<Definition> = {
  -readonly [Name in keyof Definition]: Definition[Name] extends Described ? Handler<Definition[Name]> : never
}

/** @returns the id of the user that calls; for methods whose policy admits nobody else. */
export function userOf(call: Call): string {
  if (call.caller.kind !== 'user') throw new Error('This method is for users, but its policy admits others.')
  return call.caller.userId
}

/** @returns where the request came from, as the edge saw it. Empty when it did not pass the edge. */
export function clientAddressOf({ metadata }: Call): string {
  return (
    String(metadata.get('x-forwarded-for')[0] ?? '')
      .split(',')
      .at(-1)
      ?.trim() ?? ''
  )
}
