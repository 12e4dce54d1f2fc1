/**
 * Spans of what this process does, sent by OTLP when an endpoint is set (`OTEL_EXPORTER_OTLP_ENDPOINT` and the other standard variables).
 * Without one nothing is loaded, and trace ids go from hop to hop all the same.
 */

import { setTimeout as wait } from 'node:timers/promises'
import { status } from '@grpc/grpc-js'
import type { Tracer } from '@opentelemetry/api'
import type { SpanExporter } from '@opentelemetry/sdk-trace'
import type { Log } from '../log.ts'
import type { TraceContext } from './trace-context.ts'

export interface Span {
  readonly context: TraceContext
  end(code: status): void
}

/** As in OpenTelemetry. */
const kinds = { server: 1, client: 2, consumer: 4 } as const

/** How long a process that ends goes on sending. ms. */
const lastMs = 1000

interface Running {
  tracer: Tracer
  api: typeof import('@opentelemetry/api')
}
let running: Running | undefined

/** The spans under way of calls that are answered here, by their traces. */
const underway = new Map<string, TraceContext>()

/** @returns the span of a call that is answered here now, for what knows its trace id alone, such as the events of a change. */
export const spanUnderway = (traceId: string): TraceContext | undefined => underway.get(traceId)

/** @returns whether spans are to be sent. */
export const isTraced = (env: NodeJS.ProcessEnv = process.env): boolean =>
  Boolean(env.OTEL_EXPORTER_OTLP_ENDPOINT || env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT) &&
  env.OTEL_SDK_DISABLED?.toLowerCase() !== 'true'

/** @returns whether this process sends spans now. */
export const isTracing = (): boolean => running !== undefined

/**
 * Sends spans from now on. A receiver that is away costs nothing but the spans: a bounded number of them waits.
 * @returns a function that sends what is left.
 */
export async function startTracing(
  { service, instance, version, log }: { service: string; instance: string; version: string; log: Log },
  env: NodeJS.ProcessEnv = process.env,
): Promise<() => Promise<void>> {
  if (!isTraced(env)) return async () => {}
  // Some 20 MiB, which only those pay who want it.
  const [api, sdk, { OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-proto'),
    import('@opentelemetry/resources'),
  ])
  const attributes = {
    'service.namespace': 'site11',
    'service.name': service,
    'service.instance.id': instance,
    'service.version': version,
  }
  const provider = new sdk.TracerProvider({
    resource: resourceFromAttributes(attributes),
    sampler: samplerOf(env, sdk),
    spanProcessors: [
      new sdk.BatchSpanProcessor({ exporter: telling(new OTLPTraceExporter(), log), scheduledDelayMillis: 1000 }),
    ],
  })
  const mine = { tracer: provider.getTracer('site11', version), api }
  running = mine
  log.info('traces are sent by OTLP')
  return async () => {
    if (running === mine) running = undefined
    // By itself it goes on for as long as it may retry, when the receiver is away.
    await Promise.race([provider.shutdown().catch(() => {}), wait(lastMs, undefined, { ref: false })])
  }
}

/** Says once that spans cannot be sent, and once that they can again. */
function telling(exporter: SpanExporter, log: Log): SpanExporter {
  let isFailing = false
  return {
    export(spans, done) {
      exporter.export(spans, result => {
        const { code, error } = result
        const failed = code !== 0
        if (failed && !isFailing) {
          // Where a name has several addresses, the error of each is in it, and no message.
          const reason = error?.message || (error as { code?: string } | undefined)?.code
          log.warn({ reason }, 'traces cannot be sent: spans are lost, and no requests')
        }
        if (!failed && isFailing) log.info('traces can be sent again')
        isFailing = failed
        done(result)
      })
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => exporter.forceFlush?.(),
  }
}

/** By `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`; what nobody has decided yet is sampled by default. */
function samplerOf(env: NodeJS.ProcessEnv, sdk: typeof import('@opentelemetry/sdk-trace')) {
  const name = env.OTEL_TRACES_SAMPLER || 'parentbased_always_on'
  const roots = {
    always_on: () => new sdk.AlwaysOnSampler(),
    always_off: () => new sdk.AlwaysOffSampler(),
    traceidratio: () => new sdk.TraceIdRatioBasedSampler(samplingShare(env)),
  }
  const root = roots[name.replace('parentbased_', '') as keyof typeof roots] ?? roots.always_on
  return name.startsWith('parentbased_') ? new sdk.ParentBasedSampler({ root: root() }) : root()
}

/** @returns what share of traces is to be kept, from 0 to 1, where nobody has decided yet. */
export function samplingShare(env: NodeJS.ProcessEnv = process.env): number {
  const name = env.OTEL_TRACES_SAMPLER || 'parentbased_always_on'
  if (name.endsWith('always_off')) return 0
  if (!name.endsWith('traceidratio')) return 1
  const share = Number(env.OTEL_TRACES_SAMPLER_ARG || 1)
  return share >= 0 && share <= 1 ? share : 1
}

/** @param path `/package.Service/Method`. @returns undefined when no spans are sent. */
export const serverSpan = (path: string, parent: TraceContext): Span | undefined => rpcSpan('server', path, parent)
export const clientSpan = (path: string, parent: TraceContext): Span | undefined => rpcSpan('client', path, parent)

function rpcSpan(kind: 'server' | 'client', path: string, parent: TraceContext): Span | undefined {
  if (!running) return undefined
  const method = path.slice(1)
  const at = method.indexOf('/')
  const attributes = {
    'rpc.system': 'grpc',
    'rpc.service': method.slice(0, at),
    'rpc.method': method.slice(at + 1),
  }
  return start(running, method, kind, parent, attributes, [])
}

/**
 * What handling events is part of: the trace of the event when it is one, and linked to the traces of all of them.
 * @param parents of the events that belong to a trace.
 */
export function consumerSpan(stream: string, group: string, parents: TraceContext[], count: number): Span | undefined {
  if (!running) return undefined
  const attributes = {
    'messaging.system': 'redis',
    'messaging.operation.type': 'process',
    'messaging.destination.name': stream,
    'messaging.consumer.group.name': group,
    'messaging.batch.message_count': count,
  }
  const [first] = parents
  const isOne = first && parents.every(({ traceId }) => traceId === first.traceId)
  return start(running, `process ${stream}`, 'consumer', isOne ? first : undefined, attributes, parents)
}

function start(
  { tracer, api }: Running,
  name: string,
  kind: keyof typeof kinds,
  parent: TraceContext | undefined,
  attributes: Record<string, string | number>,
  links: TraceContext[],
): Span {
  const asSpanContext = ({ traceId, spanId, sampled }: TraceContext) => ({
    traceId,
    spanId,
    traceFlags: sampled ? 1 : 0,
    isRemote: true,
  })
  // What has no span yet begins a trace of its own.
  const within = parent?.spanId ? api.trace.setSpanContext(api.ROOT_CONTEXT, asSpanContext(parent)) : api.ROOT_CONTEXT
  const span = tracer.startSpan(
    name,
    { kind: kinds[kind], attributes, links: links.map(link => ({ context: asSpanContext(link) })) },
    within,
  )
  const { traceId, spanId, traceFlags } = span.spanContext()
  const context = { traceId, spanId, sampled: (traceFlags & 1) === 1 }
  if (kind === 'server') underway.set(traceId, context)
  return {
    context,
    end(code) {
      if (underway.get(traceId) === context) underway.delete(traceId)
      if (kind !== 'consumer') span.setAttribute('rpc.grpc.status_code', code)
      if (isFailure(kind, code)) span.setStatus({ code: 2 })
      span.end()
    },
  }
}

/** For who answers, only what is its own fault. */
const faults = new Set([
  status.UNKNOWN,
  status.DEADLINE_EXCEEDED,
  status.UNIMPLEMENTED,
  status.INTERNAL,
  status.UNAVAILABLE,
  status.DATA_LOSS,
])
const isFailure = (kind: keyof typeof kinds, code: status) =>
  kind === 'server' ? faults.has(code) : code !== status.OK
