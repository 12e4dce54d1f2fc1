/**
 * The pages of the list: each is a query of its own, kept while it is near to what is seen and dropped when it is far, so that memory
 * does not grow with the list. Where the pages are (places.ts) is known for good, also when one comes back to a list.
 */
import { createQueryOptions } from '@connectrpc/connect-query'
import { useDebouncedValue } from '@mantine/hooks'
import { type ListUsersResponse, UsersService } from '@site11/proto/es/site11/users/v1/users_service_pb.ts'
import { useQueries, useQueryClient } from '@tanstack/react-query'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { transport } from '../api/client.ts'
import { listsKey } from './cache.ts'
import { knownRows, nowhere, type Places, pageOf, settle, startsOf, tokensFor } from './places.ts'
import { pageSize, requestFrom, type UsersSearch } from './search.ts'

/** What is remembered of a list that is not shown. */
export interface Memory {
  places: Places
  scrollTop: number
}

/** The lists seen last, by their request. */
const memories = new Map<string, Memory>()
const maxMemories = 5

export const listKey = (search: UsersSearch) => JSON.stringify(requestFrom(search))

export const memoryOf = (key: string): Memory => memories.get(key) ?? { places: nowhere, scrollTop: 0 }

export function remember(key: string, change: Partial<Memory>): void {
  const memory = { ...memoryOf(key), ...change }
  memories.delete(key)
  memories.set(key, memory)
  for (const old of memories.keys()) if (memories.size > maxMemories) memories.delete(old)
}

/** How many pages are kept at each side of what is seen. */
const keptPages = 6
/** How long a page must be in sight to be asked for, ms. */
const restMs = 60
/** How long the pages of another list are kept, ms. */
const keptMs = 60_000

/** Changes come by the watch, but for users who are new: those show when a page comes into sight again. */
const freshMs = 30_000

export const pageQuery = (search: UsersSearch, token = '') => ({
  ...createQueryOptions(UsersService.method.listUsers, requestFrom(search, token), { transport }),
  staleTime: freshMs,
  gcTime: keptMs,
  refetchOnWindowFocus: false,
  refetchOnReconnect: false,
})

const loaded = ({ users, nextPageToken }: ListUsersResponse) => ({
  ids: users.map(({ id }) => id),
  nextToken: nextPageToken,
})

/** Where the pages of a list are; of another list when `search` is another. */
export function usePlaces(search: UsersSearch) {
  const client = useQueryClient()
  const key = listKey(search)
  const [state, setState] = useState(() => ({ key, places: memoryOf(key).places }))
  const current = useRef(state)
  if (state.key !== key) {
    const other = { key, places: memoryOf(key).places }
    current.current = other
    setState(other)
  }
  const { places } = state
  /** Not by a function to `setState`: React keeps those that change nothing, and with them the pages that they look at. */
  const setPlaces = useCallback((change: (places: Places) => Places) => {
    const now = current.current
    const next = change(now.places)
    if (next === now.places) return
    current.current = { ...now, places: next }
    setState(current.current)
  }, [])
  useEffect(() => remember(state.key, { places: state.places }), [state])
  /** Loads the list from its start. */
  async function reload() {
    const page = await client.fetchQuery({ ...pageQuery(search), staleTime: 0 })
    client.removeQueries({ queryKey: listsKey, type: 'inactive' })
    setPlaces(() => settle(nowhere, '', loaded(page)))
  }
  return { places, setPlaces, reload }
}

/** The rows from `first` to `last`, as far as they are loaded; what is missing is asked for. */
export function useRows(
  search: UsersSearch,
  { places, setPlaces }: ReturnType<typeof usePlaces>,
  first: number,
  last: number,
) {
  const client = useQueryClient()
  const starts = useMemo(() => startsOf(places), [places])
  const wanted = tokensFor(places, starts, first, last)
  // What flies by is not asked for, but for the next page: without it there is nothing to fly over.
  const [stayed] = useDebouncedValue(wanted.join(' '), restMs)
  const next = wanted.at(-1) === places.next ? places.next : undefined
  const tokens = useMemo(
    () => [...new Set([...stayed.split(' '), ...(next === undefined ? [] : [next])])],
    [stayed, next],
  )
  const queries = useMemo(() => tokens.map(token => pageQuery(search, token)), [search, tokens])
  const results = useQueries({ queries })

  const pages = results.map(({ data }) => data)
  const stamp = results.map(({ dataUpdatedAt }, at) => `${tokens[at]} ${dataUpdatedAt}`).join()
  // biome-ignore lint/correctness/useExhaustiveDependencies: the stamp stands for tokens and pages
  useEffect(() => {
    setPlaces(now => {
      let settled = now
      for (const [at, token] of tokens.entries()) {
        const page = pages[at]
        if (page) settled = settle(settled, token, loaded(page))
      }
      return settled
    })
  }, [setPlaces, stamp])

  const center = pageOf(starts, first)
  useEffect(() => {
    const near = new Set(
      places.pages.slice(Math.max(0, center - keptPages), center + keptPages).map(page => page.token),
    )
    const far = client
      .getQueryCache()
      .findAll({ queryKey: listsKey, type: 'inactive' })
      .filter(({ queryKey }) => !near.has((queryKey[1] as { input?: { pageToken?: string } }).input?.pageToken ?? ''))
    for (const query of far) client.getQueryCache().remove(query)
  }, [client, places, center])

  const byToken = new Map(tokens.map((token, at) => [token, pages[at]]))
  const failed = results.find(({ error, data }) => error && !data)
  return {
    rowAt(row: number) {
      const index = pageOf(starts, row)
      const page = places.pages[index]
      const offset = row - (starts[index] ?? 0)
      return page && offset < page.count ? byToken.get(page.token)?.users[offset] : undefined
    },
    error: failed?.error,
    retry: () => void failed?.refetch(),
  }
}

/** How many rows there are to scroll: those that are known, and room for a page more while there is one. */
export const rowsToScroll = (places: Places) =>
  places.pages.length === 0 ? 12 : knownRows(places) + (places.next === undefined ? 0 : pageSize)
