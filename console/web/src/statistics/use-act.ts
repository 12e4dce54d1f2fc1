/** What is done at once, from a row or a button: the lists show it, a toast takes it back or tells what went wrong. */
import { type QueryClient, useQueryClient } from '@tanstack/react-query'
import { useCallback } from 'react'
import { toastProblem, toastUndo } from '../ui/toasts.tsx'

interface Undo {
  /** What was done. */
  said: string
  back: () => Promise<unknown>
}

/** @param refresh asks anew for what is shown; the same for as long as the page is there. */
export function useAct(refresh: (client: QueryClient) => Promise<void>) {
  const client = useQueryClient()
  return useCallback(
    async (work: () => Promise<unknown>, undo?: Undo) => {
      try {
        await work()
        await refresh(client)
        if (undo) {
          await toastUndo(undo.said, async () => {
            await undo.back()
            await refresh(client)
          })
        }
      } catch (error) {
        await toastProblem(error)
      }
    },
    [client, refresh],
  )
}
