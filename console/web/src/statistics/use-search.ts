/** The address of the page, read and changed. */
import { getRouteApi } from '@tanstack/react-router'
import { useCallback, useMemo } from 'react'
import { defaultRange, type SpanChoice } from './range.ts'
import { type SearchChange, type StatisticsSearch, statisticsSearch } from './search.ts'

const route = getRouteApi('/app/statistics')

/** @returns what the address says, and a way to change it; with `push` one can go back to what was before. */
export function useSearch(): { search: StatisticsSearch; set: (change: SearchChange, push?: boolean) => void } {
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const set = useCallback(
    (change: SearchChange, push = false) =>
      void navigate({
        search: previous => statisticsSearch({ ...previous, ...change }),
        replace: !push,
        resetScroll: false,
      }),
    [navigate],
  )
  return { search, set }
}

/** The span that the address says. */
export function useChoice(search: StatisticsSearch, usual = defaultRange): SpanChoice {
  const { span: range = usual, from, to } = search
  return useMemo(() => (from === undefined || to === undefined ? { range } : { range, from, to }), [range, from, to])
}
