/** The state-of-the-world variant: each request lists all names that the client wants. */
import { newSubscription, type Subscription, withAnswer, withInterest } from './ads-subscription.ts'

export type SotwRequest = {
  typeUrl: string
  /** Empty on all but the first request of a stream. */
  nodeId: string
  resourceNames: string[]
  responseNonce: string
  /** Set when the client refuses what it was sent last. */
  error: string | undefined
}

/**
 * The subscription after a request. A stale nonce answers nothing, yet the names hold: they are the client's newest. `whole`: of
 * clusters or listeners, which can be asked for, and are sent, as a whole.
 */
export function withSotwRequest(before: Subscription | undefined, request: SotwRequest, whole: boolean): Subscription {
  const { resourceNames, responseNonce, error } = request
  const known = before ?? newSubscription
  const answered = responseNonce === known.nonce ? withAnswer(known, error, whole) : known
  const names = new Set(whole ? resourceNames : resourceNames.filter(name => name !== '*'))
  // Who never asked for any by name asks for all by naming none.
  const unnamed = names.size === 0 && (!before || (before.wildcard && !before.names.has('*')))
  const wildcard = whole && (names.has('*') || unnamed)
  const added = [...names].filter(name => name !== '*' && !known.names.has(name))
  const asked = wildcard && !known.wildcard ? [...added, '*'] : added
  return withInterest(answered, { wildcard, names, asked })
}
