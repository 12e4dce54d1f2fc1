import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf'
import { useMemo, useSyncExternalStore } from 'react'
import { transport } from './client.ts'
import { createLiveStreams, type Live, type LiveSource } from './live.ts'

export const liveStreams = createLiveStreams({ transport })

window.addEventListener('online', liveStreams.retryAll)

/** How long a page that nobody sees keeps its streams: as long as one may be away to look something up. ms. */
const unseenMs = 10_000
let unseen: ReturnType<typeof setTimeout> | undefined
document.addEventListener('visibilitychange', () => {
  clearTimeout(unseen)
  if (document.visibilityState === 'visible') {
    liveStreams.resumeAll()
    liveStreams.retryAll()
  } else unseen = setTimeout(liveStreams.pauseAll, unseenMs)
})

const idle = { subscribe: () => () => undefined, snapshot: (): Live<never> => nothing, retry: () => undefined }
const nothing: Live<never> = { value: undefined, live: false, seen: undefined, error: undefined }

/**
 * What a server stream tells, as long as the component is there; all who ask for the same share one stream.
 * @param source at module level: the same for the life of the page.
 * @param input a message of plain values; undefined asks for nothing.
 */
export function useLive<I extends DescMessage, O extends DescMessage, T>(
  source: LiveSource<I, O, T>,
  input: MessageInitShape<I> | undefined,
): Live<T> & { retry: () => void } {
  const key = input && JSON.stringify(input, (_, value) => (typeof value === 'bigint' ? String(value) : value))
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key stands for the input
  const stream = useMemo(() => (input ? liveStreams.open(source, input) : idle), [source, key])
  const live = useSyncExternalStore(stream.subscribe, stream.snapshot)
  return { ...live, retry: stream.retry }
}
