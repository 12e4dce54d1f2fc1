/**
 * The session of this browser, kept in memory and shared by all its tabs.
 *
 * The refresh token is an HttpOnly cookie that works once: the Console ends a session whose token is sent twice. So everything that
 * touches the cookie runs under one Web Lock, and what comes out is told to the other tabs:
 *
 *     tab 1 ── lock ── Refresh ──┬── new session ── unlock
 *     tab 2 ── waits ────────────┴─ told ─────────── lock: fresh already, no Refresh
 *
 * A page closed in the middle of a Refresh loses its lock but not its request (`keepalive`): the mark that it left makes the next
 * page wait until the answer has set the cookie.
 */
export interface Session {
  accessToken: string
  /** When the access token expires and when it is to be renewed, in ms since the epoch, by this browser's clock. */
  expiresAt: number
  renewAt: number
  scopes: readonly string[]
  sessionId: string
  userId: string
}

/** What AuthService answers with. */
export interface Tokens {
  accessToken: string
  /** In seconds. */
  expiresIn: number
  scope: string
  sessionId: string
  userId: string
}

export interface SessionOptions {
  /** Asks for new tokens by cookie. @returns undefined when the session has ended. @throws when nobody can tell. */
  refresh: () => Promise<Tokens | undefined>
  locks: Pick<LockManager, 'request'>
  /** Reaches the other tabs; a tab does not hear itself. */
  channel: Pick<BroadcastChannel, 'postMessage' | 'onmessage'>
  /** Shared by all tabs; holds no secret. */
  marks: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>
  now?: () => number
}

/** What other tabs are told when the user has signed out. */
const leftMark = 'left'
const lockName = 'site11-session'
const markKey = 'site11-refreshing'
/** A token is renewed when this share of its life is over: with a minute left of five. */
const renewalShare = 0.8
/** How long the answer to a closed page's Refresh may take to set the cookie, in ms. */
const orphanWait = 2_000

export function createSessions({ refresh, locks, channel, marks, now = Date.now }: SessionOptions) {
  /** Undefined: not known yet. Null: nobody is signed in. */
  let state: Session | null | undefined
  let renewal: Promise<Session | null> | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  const listeners = new Set<() => void>()

  /** Whether the user has left on purpose, here or in another tab: then the absence of a session is no accident. */
  let left = false

  channel.onmessage = ({ data }: MessageEvent<Session | null | typeof leftMark>) => {
    left = data === leftMark
    set(data === leftMark ? null : data)
  }

  function set(next: Session | null) {
    state = next
    clearTimeout(timer)
    if (next) {
      // Spread, so that the first of many tabs renews for all. A failure shows at the next call, which tries again.
      const jitter = (Math.random() * (next.expiresAt - next.renewAt)) / 3
      timer = setTimeout(() => void ready().catch(() => undefined), next.renewAt - now() + jitter)
    }
    for (const listener of listeners) listener()
  }

  function share(tokens: Tokens | undefined, leaving = false): Session | null {
    const next = tokens ? sessionFrom(tokens, now()) : null
    left = leaving
    set(next)
    channel.postMessage(leaving ? leftMark : next)
    return next
  }

  const isFresh = (rejected?: string) =>
    state === null || (state && state.accessToken !== rejected && state.renewAt > now())

  async function renew(rejected?: string): Promise<Session | null> {
    return locks.request(lockName, async () => {
      if (state !== undefined && isFresh(rejected)) return state
      const orphan = Number(marks.getItem(markKey)) + orphanWait - now()
      if (orphan > 0) await new Promise(resolve => setTimeout(resolve, Math.min(orphan, orphanWait)))
      marks.setItem(markKey, String(now()))
      try {
        return share(await refresh())
      } catch (error) {
        if (state && state.accessToken !== rejected && state.expiresAt > now()) return state
        throw error
      } finally {
        marks.removeItem(markKey)
      }
    })
  }

  /**
   * @returns a session whose token is good for a while, or null when nobody is signed in.
   * @param rejected a token that a server refused although it should be good.
   * @throws what `refresh` threw, when there is no usable token.
   */
  function ready(rejected?: string): Promise<Session | null> {
    if (state !== undefined && isFresh(rejected)) return Promise.resolve(state)
    renewal ??= renew(rejected).finally(() => {
      renewal = undefined
    })
    return renewal
  }

  return {
    ready,
    /** @returns the session as far as it is known now. */
    current: () => state ?? undefined,
    /** Runs a call that signs in, and takes its session. */
    signIn: (call: () => Promise<Tokens>) => locks.request(lockName, async () => share(await call())),
    /** Runs a call that signs out. When it fails the cookie may be alive still, and so the session stays. */
    signOut: (call: () => Promise<unknown>) =>
      locks.request(lockName, async () => {
        await call()
        share(undefined, true)
      }),
    /** @returns whether the session has ended by itself, and was not left. */
    hasEnded: () => state === null && !left,
    /** @returns a function that ends the subscription. */
    subscribe(listener: () => void) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}

function sessionFrom({ accessToken, expiresIn, scope, sessionId, userId }: Tokens, now: number): Session {
  const life = expiresIn * 1000
  const times = { expiresAt: now + life, renewAt: now + life * renewalShare }
  return { accessToken, ...times, scopes: scope.split(' '), sessionId, userId }
}
