/**
 * Which signing key does what, and when. A key is published, then signs, and stays published after its successor has taken over
 * for as long as a token signed by it may live. So every token that is out can be verified at any time.
 */

export interface KeyTimes {
  kid: string
  createTime: Date
  /** When it began to sign; unset while it is only published. */
  signTime?: Date
}

export interface Ring {
  /** The key that signs. */
  signing: string
  /** The keys in the JWKS, the newest first. */
  published: string[]
  /** Keys that no living token was signed with. */
  retired: string[]
}

/** ms. */
export interface Rotation {
  /** A key is followed by the next one when it has signed for this long. */
  maxAgeMs: number
  /** Those who verify have a key for this long before it signs. */
  publishMs: number
  /** For this long a key is published after its successor has taken over. */
  retireMs: number
}

const minute = 60_000

export const rotation: Rotation = {
  maxAgeMs: 30 * 24 * 60 * minute,
  /** Longer than any verifier caches the JWKS. */
  publishMs: 10 * minute,
  /** Longer than any token lives, with what clocks may differ. */
  retireMs: 70 * minute,
}

/** @returns what each key does at `nowMs`, or undefined when none signs yet. */
export function ringAt(keys: KeyTimes[], nowMs: number, { retireMs } = rotation): Ring | undefined {
  const signers = keys
    .filter(key => key.signTime !== undefined)
    .sort((a, b) => signMs(b) - signMs(a) || (a.kid < b.kid ? -1 : 1))
  const [signing] = signers
  if (!signing) return undefined
  const retired = signers.filter((_, index) => {
    const successor = signers[index - 1]
    return successor !== undefined && signMs(successor) + retireMs <= nowMs
  })
  const published = keys.filter(key => !retired.includes(key))
  published.sort((a, b) => b.createTime.getTime() - a.createTime.getTime() || (a.kid < b.kid ? -1 : 1))
  return { signing: signing.kid, published: kids(published), retired: kids(retired) }
}

export type RotationStep = { do: 'create' } | { do: 'sign'; kid: string } | { do: 'remove'; kids: string[] }

/**
 * @param publishedSinceMs since when this process has published what it knows: a key made just before a crash has not been seen.
 * @returns the next step of the rotation that is due, if any.
 */
export function nextStep(
  keys: KeyTimes[],
  nowMs: number,
  publishedSinceMs: number,
  times = rotation,
): RotationStep | undefined {
  const ring = ringAt(keys, nowMs, times)
  if (!ring) return { do: 'create' }
  if (ring.retired.length > 0) return { do: 'remove', kids: ring.retired }
  const waiting = keys.find(key => key.signTime === undefined)
  if (waiting) {
    const seenSince = Math.max(waiting.createTime.getTime(), publishedSinceMs)
    return nowMs - seenSince >= times.publishMs ? { do: 'sign', kid: waiting.kid } : undefined
  }
  const signing = keys.find(key => key.kid === ring.signing)
  return signing && nowMs - signMs(signing) >= times.maxAgeMs ? { do: 'create' } : undefined
}

/** A key that does not sign yet. */
export interface Succession {
  kid: string
  signTime: Date
  /** When its predecessor is not published any more. */
  retireTime: Date
}

/** @returns the key that waits to sign, if any; for the other parameters see `nextStep`. */
export function successionOf(keys: KeyTimes[], publishedSinceMs: number, times = rotation): Succession | undefined {
  const waiting = keys.find(key => key.signTime === undefined)
  if (!waiting) return undefined
  const signMs = Math.max(waiting.createTime.getTime(), publishedSinceMs) + times.publishMs
  return { kid: waiting.kid, signTime: new Date(signMs), retireTime: new Date(signMs + times.retireMs) }
}

/** What a key does, and when it does the next thing. */
export interface KeyPlan {
  kid: string
  role: 'next' | 'signing' | 'believed'
  createTime: Date
  /** Of one that does not sign yet: when it will at the earliest. */
  signTime: Date
  /** When a successor is made; undefined when there is one, or it does not sign. */
  rotateTime?: Date
  /** When it is not believed any more; undefined while it has no successor. */
  retireTime?: Date
}

/** @returns what is known of each key that is believed, the newest first; for the other parameters see `nextStep`. */
export function planOf(keys: KeyTimes[], nowMs: number, publishedSinceMs: number, times = rotation): KeyPlan[] {
  const ring = ringAt(keys, nowMs, times)
  const succession = successionOf(keys, publishedSinceMs, times)
  const signers = keys.filter(key => key.signTime !== undefined).sort((a, b) => signMs(a) - signMs(b))
  return (ring?.published ?? []).flatMap((kid): KeyPlan[] => {
    const key = keys.find(each => each.kid === kid)
    if (!key) return []
    const { createTime, signTime } = key
    if (!signTime) return succession ? [{ kid, role: 'next', createTime, signTime: succession.signTime }] : []
    if (kid === ring?.signing) {
      const later = succession
        ? { retireTime: succession.retireTime }
        : { rotateTime: new Date(signTime.getTime() + times.maxAgeMs) }
      return [{ kid, role: 'signing', createTime, signTime, ...later }]
    }
    const successor = signers[signers.indexOf(key) + 1]
    const retireTime = new Date((successor ? signMs(successor) : nowMs) + times.retireMs)
    return [{ kid, role: 'believed', createTime, signTime, retireTime }]
  })
}

const signMs = (key: KeyTimes) => key.signTime?.getTime() ?? 0
const kids = (keys: KeyTimes[]) => keys.map(key => key.kid)
