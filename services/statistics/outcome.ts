/** A record of Envoy to what is counted of it. */

import { bucketOf } from '@site11/runtime/histogram.ts'
import type { Entry } from './entry.ts'
import type { Recorded } from './recorder.ts'
import type { MethodOf } from './rest-paths.ts'

/** gRPC's codes, by their numbers. */
export const statusNames = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const

/** Where several codes have the same HTTP status, the one that it mostly is. */
const byHttpStatus: Record<number, (typeof statusNames)[number]> = {
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  405: 'UNIMPLEMENTED',
  408: 'DEADLINE_EXCEEDED',
  409: 'ALREADY_EXISTS',
  413: 'RESOURCE_EXHAUSTED',
  429: 'RESOURCE_EXHAUSTED',
  499: 'CANCELLED',
  501: 'UNIMPLEMENTED',
  502: 'UNAVAILABLE',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
}

/** The service that answered when it was none: the proxy itself. No service can have the name. */
const edge = 'edge'
/** Who calls through a proxy: internal tokens do not count there. */
const caller = 'edge'

/** What goes to the dashboard's pages, and what browsers ask before a call, is no request of a service. */
const uncounted = new Set(['dashboard', 'dashboard-wrong-verb', 'preflight'])

/** @param methodOf finds the method of what was refused before it was known. @returns undefined for what does not count. */
export function recordedOf(entry: Entry, methodOf: MethodOf): Recorded | undefined {
  const { route, startMs, durationMs, isStream, instance, version } = entry
  if (uncounted.has(route) || route === '') return undefined
  const known = route.includes('/') ? route : route === 'rest' ? methodOf(entry.verb, entry.restPath) : undefined
  const service = known?.split('.', 2)[1] ?? edge
  const method = known === undefined ? '' : `/${known}`
  return {
    labels: [service, method, instance, version, caller, protocolOf(entry), statusOf(entry)],
    endMs: startMs + durationMs,
    requests: 1,
    buckets: isStream ? [] : [{ bucket: bucketOf(durationMs), count: 1 }],
  }
}

function protocolOf({ restPath, contentType }: Entry): string {
  if (restPath !== '') return 'rest'
  if (contentType.startsWith('application/grpc-web')) return 'grpc-web'
  return contentType === '' || contentType.startsWith('application/grpc') ? 'grpc' : 'rest'
}

function statusOf({ httpStatus, grpcStatus, isStream, isCut }: Entry): string {
  if (httpStatus === 0) return 'CANCELLED'
  if (httpStatus === 200) {
    // A caller who leaves is the end that a stream has.
    if (isCut) return isStream ? 'OK' : 'CANCELLED'
    // gRPC-Web has it in the body when there was an answer before it: then all went well, unless a stream broke.
    return statusNames[grpcStatus ?? 0] ?? 'UNKNOWN'
  }
  return byHttpStatus[httpStatus] ?? (httpStatus < 500 ? 'INVALID_ARGUMENT' : 'INTERNAL')
}
