/** The delta variant: requests say what changes in the client's interest, responses what changes in its resources. */
import { newSubscription, type Subscription, withAnswer, withInterest } from './ads-subscription.ts'

export type DeltaRequest = {
  typeUrl: string
  /** Empty on all but the first request of a stream. */
  nodeId: string
  subscribe: string[]
  unsubscribe: string[]
  /** On the first request of a type: the version of each resource that the client has from an earlier stream, by name. */
  initialVersions: Readonly<Record<string, string>>
  /** Empty when the request answers nothing. */
  responseNonce: string
  /** Set when the client refuses the response of that nonce. */
  error: string | undefined
}

/**
 * The subscription after a request. A stale nonce answers nothing, yet what it says of names holds: no later one says it again.
 * `wild`: all of the type can be asked for, as of clusters and listeners.
 */
export function withDeltaRequest(before: Subscription | undefined, request: DeltaRequest, wild: boolean): Subscription {
  const { responseNonce, error } = request
  const known = before ?? newSubscription
  const answers = responseNonce !== '' && responseNonce === known.nonce
  const answered = answers ? withAnswer(known, error, false) : known
  const subscribe = request.subscribe.filter(name => wild || name !== '*')
  const left = new Set(request.unsubscribe)
  const claimed = before
    ? new Map([...before.claimed].filter(([name]) => !subscribe.includes(name) && !left.has(name)))
    : new Map(Object.entries(request.initialVersions))
  const names = new Set([...known.names].filter(name => !left.has(name)).concat(subscribe))
  const unnamed = before ? before.wildcard && !left.has('*') : subscribe.length === 0
  const wildcard = wild && (unnamed || names.has('*'))
  const all = wildcard && !known.wildcard ? ['*'] : []
  // Who asks again may have dropped what it had. Who wants all, and now one of them no longer by name, cannot know whether it is
  // still among them.
  const unsure = wildcard ? [...left].filter(name => name !== '*' && known.names.has(name)) : []
  const again = [...subscribe.filter(name => name !== '*' && !claimed.has(name)), ...unsure]
  return withInterest({ ...answered, claimed }, { wildcard, names, asked: [...again, ...all], again })
}
