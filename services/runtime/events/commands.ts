/** What an operator wants of a group, handed over in Redis to whoever reads for it. Lost with Redis: then it is asked for again. */
import type { Redis } from './redis.ts'
import { keys } from './stream.ts'

export type Command =
  | { action: 'retry' | 'skip'; eventId: string }
  /** `from`: RFC 3339. */
  | { action: 'replay'; from: string; again: boolean }

/** How often is looked for one. ms. */
const lookMs = 250
/** One that nobody has taken after so long is not wanted any more. s. */
const keptS = 60

export async function sendCommand(redis: Redis, stream: string, group: string, command: Command): Promise<void> {
  const key = keys.commands(stream, group)
  await redis.multi().rpush(key, JSON.stringify(command)).expire(key, keptS).exec()
}

/** @returns whether nobody has taken this command yet; it is then taken back. */
export async function takeBack(redis: Redis, stream: string, group: string, command: Command): Promise<boolean> {
  return (await redis.lrem(keys.commands(stream, group), 1, JSON.stringify(command))) > 0
}

/** @returns whether commands wait for somebody to take them. */
export const areWaiting = async (redis: Redis, stream: string, group: string): Promise<boolean> =>
  (await redis.llen(keys.commands(stream, group))) > 0

/** @returns what takes the commands. */
export function createCommands(redis: Redis, stream: string, group: string): { next(): Promise<Command[]> } {
  const key = keys.commands(stream, group)
  let lookAt = 0
  return {
    async next() {
      if (performance.now() < lookAt) return []
      lookAt = performance.now() + lookMs
      const texts = (await redis.lpop(key, 100)) ?? []
      return texts.map(text => JSON.parse(text) as Command)
    },
  }
}
