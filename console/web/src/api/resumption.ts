/**
 * What happens when a session ends under a page that is in use: the page stays as it is, its user is asked to sign in again, and the
 * calls that met the end wait for that and are then sent.
 */
import { Code, ConnectError, type Transport } from '@connectrpc/connect'
import { isPublic } from './policy.ts'
import type { Session } from './session.ts'

interface ResumptionOptions {
  current: () => Session | undefined
  /** Whether the session has ended by itself; else its user has left. */
  hasEnded: () => boolean
  subscribe: (listener: () => void) => void
}

export type Resumption = ReturnType<typeof createResumption>

export function createResumption({ current, hasEnded, subscribe }: ResumptionOptions) {
  /** The last session of whoever uses this page. */
  let last: Session | undefined
  let asking = false
  const waiting = new Set<(again: boolean) => void>()
  const listeners = new Set<() => void>()

  function settle(next: { last: Session | undefined; asking: boolean }, again: boolean) {
    last = next.last
    asking = next.asking
    if (!asking) {
      for (const go of waiting) go(again)
      waiting.clear()
    }
    for (const listener of listeners) listener()
  }

  subscribe(() => {
    const session = current()
    // What one user has sent is not sent as another.
    if (session) settle({ last: session, asking: false }, last?.userId === session.userId)
    else if (last && hasEnded()) settle({ last, asking: true }, false)
    else settle({ last: undefined, asking: false }, false)
  })

  return {
    /** Whether the user of this page is to sign in again. */
    asking: () => asking,
    /** The session as pages are to see it: while the user is asked, the one that has ended. */
    session: () => current() ?? (asking ? last : undefined),
    /** Resolves when the user has signed in again or given up: @returns whether calls may be sent again. */
    again: (): Promise<boolean> => (asking ? new Promise(resolve => waiting.add(resolve)) : Promise.resolve(false)),
    /** The user does not want to go on here. */
    giveUp: () => settle({ last: undefined, asking: false }, false),
    /** @returns a function that ends the subscription. */
    subscribe(listener: () => void) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}

/** @returns a transport whose calls outlive the end of a session. Their time runs anew when they are sent again. */
export function resuming(inner: Transport, resumption: Pick<Resumption, 'again'>): Transport {
  async function held<T>(call: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await call()
      } catch (error) {
        if (ConnectError.from(error).code !== Code.Unauthenticated || !(await resumption.again())) throw error
      }
    }
  }
  return {
    // What needs no session does not wait for one: least of all the sign-in itself.
    unary: (method, ...call) =>
      isPublic(method) ? inner.unary(method, ...call) : held(() => inner.unary(method, ...call)),
    // The request of a stream is read once: a stream is opened anew by whoever keeps it.
    stream: async (...call) => {
      try {
        return await inner.stream(...call)
      } catch (error) {
        if (ConnectError.from(error).code === Code.Unauthenticated && (await resumption.again())) {
          throw new ConnectError('The session was renewed.', Code.Unavailable)
        }
        throw error
      }
    },
  }
}
