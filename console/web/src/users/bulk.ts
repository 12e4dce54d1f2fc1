/** One thing done to many users: a few at a time, stopped at any time, with an outcome for each. Nothing is lost sight of. */
import type { User } from '@site11/proto/es/site11/users/v1/user_pb.ts'

export interface Failure {
  user: User
  error: unknown
}

export interface Outcome {
  /** Before and after. */
  done: { before: User; after: User }[]
  failed: Failure[]
  /** Not tried, as it was stopped before. */
  left: User[]
}

interface BulkOptions {
  /** Does it to one user. @returns the user after it; undefined when there was nothing to do. */
  act: (user: User) => Promise<User | undefined>
  signal: AbortSignal
  onProgress: (outcome: Outcome) => void
  concurrency?: number
}

export async function runBulk(users: readonly User[], options: BulkOptions): Promise<Outcome> {
  const { act, signal, onProgress, concurrency = 6 } = options
  const outcome: Outcome = { done: [], failed: [], left: [] }
  const waiting = [...users]
  async function work() {
    for (let user = waiting.shift(); user; user = waiting.shift()) {
      if (signal.aborted) {
        outcome.left.push(user)
        continue
      }
      try {
        outcome.done.push({ before: user, after: (await act(user)) ?? user })
      } catch (error) {
        outcome.failed.push({ user, error })
      }
      onProgress({ ...outcome })
    }
  }
  await Promise.all(Array.from({ length: Math.min(concurrency, users.length) }, work))
  return outcome
}
