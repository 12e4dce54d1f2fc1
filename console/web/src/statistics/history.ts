/** An edit that can be taken back step by step: pure. */
export interface Edits<T> {
  past: readonly T[]
  now: T
  future: readonly T[]
}

const most = 50

export const begun = <T>(now: T): Edits<T> => ({ past: [], now, future: [] })
export const edited = <T>({ past, now }: Edits<T>, next: T): Edits<T> => ({
  past: [...past, now].slice(-most),
  now: next,
  future: [],
})

export function undone<T>({ past, now, future }: Edits<T>): Edits<T> {
  const before = past.at(-1)
  return before === undefined
    ? { past, now, future }
    : { past: past.slice(0, -1), now: before, future: [now, ...future] }
}

export function redone<T>({ past, now, future }: Edits<T>): Edits<T> {
  const [next, ...rest] = future
  return next === undefined ? { past, now, future } : { past: [...past, now], now: next, future: rest }
}
