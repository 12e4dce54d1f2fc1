/** What of the events is shown: it lives in the URL. */
export const tabs = ['streams', 'feed', 'dead'] as const
export type Tab = (typeof tabs)[number]
const questions = ['replay', 'delete'] as const

export interface EventsSearch {
  /** Absent means the streams. */
  tab?: Exclude<Tab, 'streams'>
  stream?: string
  group?: string
  /** The end of a type, such as `UserCreated`. */
  type?: string
  /** The whole of a subject, such as `users/<id>`. */
  subject?: string
  /** The id of the event whose details are open. */
  event?: string
  /** What is about to be done to the group: asks first. */
  ask?: (typeof questions)[number]
}

const text = (value: unknown, length: number) =>
  typeof value === 'string' || typeof value === 'number' ? String(value).slice(0, length) : ''
/** As the API names streams and groups. */
const name = (value: unknown) => (/^[a-z][a-z0-9-]{0,62}$/.test(text(value, 64)) ? text(value, 64) : '')

/** @returns what of an address's search is understood; the rest is dropped. */
export function eventsSearch(raw: Record<string, unknown>): EventsSearch {
  const tab = tabs.find(each => each === raw.tab)
  const ask = questions.find(each => each === raw.ask)
  const [stream, group] = [name(raw.stream), name(raw.group)]
  const [type, subject, event] = [text(raw.type, 200), text(raw.subject, 200), text(raw.event, 100)]
  return {
    ...(tab && tab !== 'streams' && { tab }),
    ...(stream && { stream }),
    ...(group && { group }),
    ...(type && { type }),
    ...(subject && { subject }),
    ...(event && { event }),
    ...(ask && stream && group && { ask }),
  }
}
