/** How findings name things and times: for people, and short however many there are. */

const named = 5
/** The same trouble in more services than this is told once, for the whole mesh. */
const servicesToldApart = 5

/** "users-1, users-2 and 498 more". */
export function listed(names: readonly string[], most = named): string {
  const shown = names.slice(0, most).join(', ')
  return names.length > most ? `${shown} and ${names.length - most} more` : shown
}

/** "1 instance", "3 instances". */
export const counted = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`

/** "850 ms", "2.5 s", "4 min", "3 h 20 min", "2 d 4 h". */
export function span(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`
  if (ms < 10_000) return `${Math.round(ms / 100) / 10} s`
  if (ms < 120_000) return `${Math.round(ms / 1000)} s`
  const minutes = Math.round(ms / 60_000)
  if (minutes < 120) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`
  return hours % 24 === 0 ? `${hours / 24} d` : `${Math.floor(hours / 24)} d ${hours % 24} h`
}

/** A sentence has one full stop, whoever wrote it. */
export const sentence = (text: string) => (/[.!?]$/.test(text.trim()) ? text.trim() : `${text.trim()}.`)

export const earliest = (times: readonly (Date | undefined)[]): Date | undefined =>
  times.reduce((first, time) => (time && (!first || time < first) ? time : first), undefined)

export const latest = (times: readonly (Date | undefined)[]): Date | undefined =>
  times.reduce((last, time) => (time && (!last || time > last) ? time : last), undefined)

interface Member {
  service: string
  instance: string
}

/** Instances with the same trouble, to be told of in one finding. */
export interface Group<T extends Member> {
  /** What a finding of it concerns: the instance, the service, or the mesh. */
  subject: string
  /** "users-1", "3 instances of users (users-1, users-2, users-3)". */
  who: string
  /** For commands that take a name: the instance when it is one, else the service; empty for the whole mesh. */
  name: string
  one: boolean
  members: T[]
}

/** @returns the members by service; all in one group when they belong to many. */
export function grouped<T extends Member>(members: readonly T[]): Group<T>[] {
  const services = [...Map.groupBy(members, ({ service }) => service)].sort(([a], [b]) => compare(a, b))
  if (services.length > servicesToldApart) return [groupOf('mesh', `${services.length} services`, '', [...members])]
  return services.map(([service, some]) => groupOf(`services/${service}`, service, service, some))
}

function groupOf<T extends Member>(subject: string, whose: string, name: string, members: T[]): Group<T> {
  const names = members.map(({ instance }) => instance).sort(compare)
  const [first = ''] = names
  return names.length === 1
    ? { subject: `instances/${first}`, who: first, name: first, one: true, members }
    : {
        subject,
        who: `${counted(names.length, 'instance')} of ${whose} (${listed(names)})`,
        name,
        one: false,
        members,
      }
}

export const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
