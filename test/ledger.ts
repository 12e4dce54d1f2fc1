/** A ledger of writes and of the effects of their events, and what must hold between the two. Pure. */

export const group = 'ledger'

export const types = [
  'UserCreated',
  'UserUpdated',
  'UserEmailVerified',
  'UserDisabled',
  'UserEnabled',
  'UserDeleted',
  'UserUndeleted',
  'UserRolesChanged',
  'UserPasswordChanged',
]

/** One event as it was handled. */
export interface Effect {
  eventId: string
  /** `users/<id>` */
  subject: string
  sequence: number
  /** The how-manieth of its subject it was. */
  position: number
}

/** A write that was answered with success. */
export interface Acknowledged {
  subject: string
  version: number
}

/** A user as the database has it at the end, whatever was answered. */
export interface Kept {
  subject: string
  version: number
}

export interface Verdict {
  acknowledged: number
  effects: number
  /** Acknowledged or in the database, but without an effect. */
  missing: string[]
  /** Had their effect more than once. */
  doubled: string[]
  /** Subjects whose effects are out of order, or have a gap. */
  disordered: string[]
  /** Writes whose outcome was not known, and that have happened; each must have its event, too. */
  unacknowledged: number
}

/** @param kept the subjects that were made while the ledger was kept. */
export function judge(ledger: readonly Acknowledged[], kept: readonly Kept[], effects: readonly Effect[]): Verdict {
  const subjects = new Set(kept.map(({ subject }) => subject))
  const own = effects.filter(({ subject }) => subjects.has(subject))
  const times = new Map<string, number>()
  for (const { subject, sequence } of own) {
    const key = `${subject} ${sequence}`
    times.set(key, (times.get(key) ?? 0) + 1)
  }
  const acknowledged = new Set(ledger.map(({ subject, version }) => `${subject} ${version}`))
  const happened = kept.flatMap(({ subject, version }) =>
    Array.from({ length: version }, (_, index) => `${subject} ${index + 1}`),
  )
  const bySubject = Map.groupBy(own, ({ subject }) => subject)
  return {
    acknowledged: acknowledged.size,
    effects: own.length,
    missing: [...new Set([...acknowledged, ...happened])].filter(key => !times.has(key)),
    doubled: [...times].flatMap(([key, count]) => (count > 1 ? [key] : [])),
    disordered: [...bySubject].flatMap(([subject, of]) => {
      const sequences = of.toSorted((a, b) => a.position - b.position).map(({ sequence }) => sequence)
      return sequences.every((sequence, index) => sequence === index + 1) ? [] : [`${subject}: ${sequences.join()}`]
    }),
    unacknowledged: happened.filter(key => !acknowledged.has(key)).length,
  }
}
