/** Times as words: pure. All times in ms. */
const units = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
] as const

/** The largest unit that fits at least once; below a second it is 0 seconds. */
function largest(ms: number) {
  const [unit, size] = units.find(([, size]) => ms >= size) ?? units[3]
  return { unit, count: Math.floor(ms / size) }
}

/** Formatters are costly to make and cheap to use. */
const formatters = new Map<string, unknown>()
function kept<F>(key: string, make: () => F): F {
  if (!formatters.has(key)) formatters.set(key, make())
  return formatters.get(key) as F
}

/** @returns such as "5 min" or "5분". */
export function duration(ms: number, language: string): string {
  const { unit, count } = largest(Math.max(ms, 0))
  const make = () => new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'short' })
  return kept(`duration ${language} ${unit}`, make).format(count)
}

/** @returns such as "5 min. ago", "in 3 hr." or "5분 전". */
export function relative(date: Date, now: number, language: string): string {
  const { unit, count } = largest(Math.abs(date.getTime() - now))
  const signed = date.getTime() > now ? count : -count
  const make = () => new Intl.RelativeTimeFormat(language, { numeric: 'auto', style: 'short' })
  return kept(`relative ${language}`, make).format(signed, unit)
}

/** @returns date and time of day, for a time that is to be kept in mind. */
export function moment(date: Date, language: string): string {
  const make = () => new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' })
  return kept(`moment ${language}`, make).format(date)
}

/** @returns date, time and zone, for the hover. */
export function absolute(date: Date, language: string): string {
  const make = () => new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'long' })
  return kept(`absolute ${language}`, make).format(date)
}

/** @returns such as "users-1 and users-2". */
export const list = (names: readonly string[], language: string) =>
  new Intl.ListFormat(language, { style: 'long', type: 'conjunction' }).format(names)
