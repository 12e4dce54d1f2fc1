import { useDebouncedValue } from '@mantine/hooks'
import { useEffect, useRef } from 'react'

/** Changes close to each other are followed together. ms. */
const settleMs = 200

/** Asks again for what follows from the journal, whenever that has grown: live without a stream of its own. */
export function useAsJournalGrows(refetch: () => unknown, lastChange: bigint | undefined): void {
  const [settled] = useDebouncedValue(lastChange, settleMs)
  const seen = useRef(settled)
  // biome-ignore lint/correctness/useExhaustiveDependencies: only a new change is a reason
  useEffect(() => {
    if (seen.current !== undefined && settled !== seen.current) void refetch()
    seen.current = settled
  }, [settled])
}
