/** The streams as they are: asked for again and again, as no stream of the API tells them. */
import { useQuery } from '@connectrpc/connect-query'
import { EventsService } from '@site11/proto/es/site11/console/v1/events_service_pb.ts'
import { useEffect, useRef, useState } from 'react'
import { mayCall } from '../api/policy.ts'
import { useSession } from '../api/use-session.ts'
import { type Samples, withSample } from './figures.ts'

const { listStreams } = EventsService.method
/** ms. Not while nobody looks: that is the query's own rule. */
const pollMs = 2000

export function useStreams() {
  const enabled = mayCall(useSession(), listStreams)
  const { data, error, dataUpdatedAt, refetch } = useQuery(
    listStreams,
    {},
    { enabled, refetchInterval: pollMs, staleTime: 0, retry: false },
  )
  // Why there is nothing yet stays while it is asked for again.
  const problem = useRef<unknown>(undefined)
  problem.current = error ?? (data ? undefined : problem.current)
  const [samples, setSamples] = useState<Samples>(new Map())
  useEffect(() => {
    if (data) setSamples(before => withSample(before, data.streams, dataUpdatedAt))
  }, [data, dataUpdatedAt])
  return {
    enabled,
    streams: data?.streams,
    samples,
    error: problem.current,
    live: data !== undefined && !error,
    seen: data && new Date(dataUpdatedAt),
    retry: () => void refetch(),
  }
}

export type Streams = ReturnType<typeof useStreams>
