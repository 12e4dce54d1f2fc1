/** The last changes of the journal, live, shared by all parts of the page that look at it. */
import type { Change } from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import { DiagnosticsService } from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import { useEffect, useState } from 'react'
import type { LiveSource } from '../api/live.ts'
import { useLive } from '../api/use-live.ts'
import { useMesh } from './use-mesh.ts'

const { watchChanges } = DiagnosticsService.method

/** So many from before are shown, and so many are kept. */
const fromBefore = 30n
const most = 200

/** The newest first. */
const recent: LiveSource<typeof watchChanges.input, typeof watchChanges.output, readonly Change[]> = {
  method: watchChanges,
  reduce: (state = [], { change }) => (change ? [change, ...state].slice(0, most) : state),
}

/** Where the stream begins: the same for all, as long as the page lives. */
let begin: bigint | undefined

/** @returns the last changes, the newest first; undefined until they are known. */
export function useRecentChanges(): readonly Change[] | undefined {
  const { value: mesh } = useMesh()
  const [after, setAfter] = useState(begin)
  const last = mesh?.lastChange
  useEffect(() => {
    if (after !== undefined || last === undefined) return
    // Zero would mean: only what happens from now on.
    begin ??= last > fromBefore ? last - fromBefore : 1n
    setAfter(begin)
  }, [after, last])
  return useLive(recent, after === undefined ? undefined : { after }).value
}
