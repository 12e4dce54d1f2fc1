/**
 * Where the pages of a long list are: pure. A page is reached by the token that the page before gave, so pages become known one after
 * the other, and a page that was dropped can be asked for again by its token. What has happened to it meanwhile must neither hide a
 * row nor show one twice:
 *
 *     the same last row      the pages behind it stand where they stood
 *     the last row earlier   rows were removed: the page is cut there
 *     no such row            rows came in: the pages behind it are found anew
 */
export interface Place {
  /** Asks for the page. */
  token: string
  /** How many rows it has. */
  count: number
  /** The last of them. */
  lastId: string
}

export interface Places {
  readonly pages: readonly Place[]
  /** Asks for the page after the last known one; undefined at the end of the list. */
  readonly next: string | undefined
}

export interface LoadedPage {
  ids: readonly string[]
  nextToken: string
}

export const nowhere: Places = { pages: [], next: '' }

/** @returns how many rows are known. */
export const knownRows = ({ pages }: Places) => pages.reduce((sum, { count }) => sum + count, 0)

/** @returns the places after the page of a token was loaded: the next one, or one that was known. */
export function settle(places: Places, token: string, { ids, nextToken }: LoadedPage): Places {
  const { pages, next } = places
  const known = pages.findIndex(page => page.token === token)
  if (known < 0 && token !== next) return places
  const index = known < 0 ? pages.length : known
  const old = pages[index]
  const behind = nextToken || undefined
  if (old && index < pages.length - 1) {
    const last = ids.indexOf(old.lastId)
    if (last < 0) return { pages: [...pages.slice(0, index), place(token, ids)], next: behind }
    if (last + 1 === old.count) return places
    return { pages: pages.with(index, { ...old, count: last + 1 }), next }
  }
  const found = place(token, ids)
  if (old && old.count === found.count && old.lastId === found.lastId && (next === undefined) === !behind) return places
  return { pages: [...pages.slice(0, index), found], next: behind }
}

const place = (token: string, ids: readonly string[]): Place => ({ token, count: ids.length, lastId: ids.at(-1) ?? '' })

/** @returns the row that each page begins with. */
export function startsOf({ pages }: Places): number[] {
  let start = 0
  return pages.map(({ count }) => {
    const own = start
    start += count
    return own
  })
}

/** @returns the page that a row is in; the last one for rows behind the last known one, and -1 when no page is known. */
export function pageOf(starts: readonly number[], row: number): number {
  let low = 0
  let high = starts.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((starts[middle] ?? 0) <= row) low = middle + 1
    else high = middle
  }
  return low - 1
}

/**
 * @returns tokens of the pages of the rows from `first` to `last`, with one more before and two behind. The page after the last known
 * one is among them when they come near to it.
 */
export function tokensFor({ pages, next }: Places, starts: readonly number[], first: number, last: number): string[] {
  const from = Math.max(0, pageOf(starts, first) - 1)
  const to = Math.min(pages.length, Math.max(0, pageOf(starts, last)) + 2)
  const tokens = pages.slice(from, to + 1).map(({ token }) => token)
  return to === pages.length && next !== undefined ? [...tokens, next] : tokens
}
