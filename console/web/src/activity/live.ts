/** Changes as they happen, after those that the list began with. Pure, but for the source. */
import {
  type Change,
  DiagnosticsService,
  type WatchChangesResponse,
} from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import type { LiveSource } from '../api/live.ts'

const { watchChanges } = DiagnosticsService.method

/** More than this many at the top are not kept: the list is loaded anew then. */
export const mostNew = 1000

export interface NewChanges {
  /** The newest first. */
  changes: readonly Change[]
  /** Whether older ones among the new are left out. */
  cut: boolean
}

/** The first message of a connection has no change, and all that happened since follows it: so nothing is missed when it was cut. */
export function newChangesWith(before: NewChanges | undefined, { change }: WatchChangesResponse): NewChanges {
  const { changes, cut } = before ?? { changes: [], cut: false }
  if (!change || changes.some(({ id }) => id === change.id)) return { changes, cut }
  return { changes: [change, ...changes].slice(0, mostNew), cut: cut || changes.length >= mostNew }
}

export const newChanges: LiveSource<typeof watchChanges.input, typeof watchChanges.output, NewChanges> = {
  method: watchChanges,
  reduce: newChangesWith,
}
