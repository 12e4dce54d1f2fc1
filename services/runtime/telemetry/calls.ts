/** How long calls took, those that this process answered and those that it made. */
import { status } from '@grpc/grpc-js'
import { counter, durations } from './metrics.ts'

const labels = ['rpc_method', 'rpc_response_status_code'] as const

const served = durations({
  name: 'rpc.server.duration',
  description: 'How long calls took that this process has answered',
  unit: 's',
  labels,
})
const streamed = counter({
  name: 'rpc.server.streams',
  description: 'Streams without a time limit that have ended here',
  unit: '{stream}',
  labels,
})
const made = durations({
  name: 'rpc.client.duration',
  description: 'How long calls of other services took, with all their attempts',
  unit: 's',
  labels,
})

/** @param path `/package.Service/Method`. @param ms undefined for a stream, which lasts as long as its caller. */
export function serverCalls(path: string, code: status, ms: number | undefined): void {
  if (ms === undefined) streamed.add(1, path.slice(1), status[code] ?? String(code))
  else served.record(ms, path.slice(1), status[code] ?? String(code))
}

export function clientCall(path: string, code: status, ms: number): void {
  made.record(ms, path.slice(1), status[code] ?? String(code))
}
