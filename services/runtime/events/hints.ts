/** Hints from instances that do not relay to the one that does. One that is lost costs time, and nothing else. */
import type { Log } from '../log.ts'
import { connectRedis } from './redis.ts'

/** Hints are gathered for so long. ms. */
const gatherMs = 5
const most = 1000

export interface Hints {
  send(kind: string, aggregate: string): void
  close(): void
}

export function createHints(
  redisUrl: string,
  channel: string,
  instance: string,
  log: Log,
  receive: (kind: string, aggregates: string[]) => void,
): Hints {
  const sender = connectRedis(redisUrl, `${instance}-hints`, log)
  const receiver = connectRedis(redisUrl, `${instance}-hinted`, log)
  let gathered: Record<string, string[]> = {}
  let timer: NodeJS.Timeout | undefined

  receiver.on('ready', () => void receiver.subscribe(channel).catch(() => {}))
  receiver.on('message', (_, text: string) => {
    try {
      for (const [kind, aggregates] of Object.entries(JSON.parse(text) as Record<string, string[]>))
        receive(kind, aggregates)
    } catch {
      // Whatever it is that somebody else has published here.
    }
  })
  function publish() {
    timer = undefined
    const text = JSON.stringify(gathered)
    gathered = {}
    if (sender.status === 'ready') sender.publish(channel, text).catch(() => {})
  }
  return {
    send(kind, aggregate) {
      gathered[kind] ??= []
      if (gathered[kind].length < most) gathered[kind].push(aggregate)
      timer ??= setTimeout(publish, gatherMs)
    },
    close() {
      clearTimeout(timer)
      sender.disconnect()
      receiver.disconnect()
    },
  }
}
