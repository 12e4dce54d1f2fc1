/** Who is too far behind: the rule of the relay's alarm, and of those who look on. Pure. */
import { msOf } from './redis.ts'
import type { GroupState, StreamState } from './stream.ts'

/** A group is behind when so many wait, or one for so long. */
const most = { events: 10_000, ms: 60_000 }

/** About how many events a stream keeps after everybody has them, and how many at all: further ones wait in their outboxes. */
export const limits = { kept: 100_000, most: 500_000 }

const fullShare = 0.8

const ageOf = (oldestId: string, nowMs: number) => (oldestId ? nowMs - msOf(oldestId) : 0)

export const isBehind = (
  { lag, pending, oldestId }: Pick<GroupState, 'lag' | 'pending' | 'oldestId'>,
  nowMs: number,
): boolean => lag + pending >= most.events || ageOf(oldestId, nowMs) >= most.ms

/** @param limit how many events the stream may have. */
export const isNearlyFull = ({ length }: Pick<StreamState, 'length'>, limit = limits.most): boolean =>
  length > limit * fullShare

/** @returns what an operator should know of a stream, if anything. */
export function problemOf(
  state: Pick<StreamState, 'length' | 'groups'>,
  limit = limits.most,
  nowMs = Date.now(),
): string | undefined {
  const problems = state.groups
    .filter(group => isBehind(group, nowMs))
    .map(
      ({ group, lag, pending, oldestId }) =>
        `the group ${group} is behind: ${lag + pending} events wait, the oldest for ${Math.round(ageOf(oldestId, nowMs) / 1000)} s`,
    )
  if (isNearlyFull(state, limit))
    problems.push(
      `the stream has ${state.length} of at most ${limit} events, beyond which new ones wait in their outboxes`,
    )
  return problems.length > 0 ? problems.join('; ') : undefined
}
