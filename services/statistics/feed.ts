/**
 * Golden signals as they happen. All who ask for the same share one feed: each step is worked out once, when it is over, and sent to all
 * of them.
 */
import type { WatchSignalsResponse } from '@site11/proto/grpc/site11/statistics/v1/statistics_service.ts'
import { resourceExhausted, unavailable } from '@site11/runtime/errors.ts'
import type { History } from './history.ts'
import { type Query, type Signals, signalsOf } from './signals.ts'

export interface Feeds {
  /** @param rangeS how far back to begin. @param signal ends it. @throws ServiceError OVERLOADED, UNAVAILABLE when the instance stops. */
  watch(query: Query, rangeS: number, signal: AbortSignal): AsyncIterable<WatchSignalsResponse>
  close(): void
}

interface Feed {
  query: Query
  /** The end of the last step that was sent, epoch s. */
  until: number
  /** Steps that were sent, and have changed since. */
  changed: Set<number>
  watchers: Set<Watcher>
  timer: NodeJS.Timeout
  stopListening(): void
}

interface Watcher {
  queue: WatchSignalsResponse[]
  wake(): void
  lagging: boolean
}

/** How long after its end a step is taken to be whole, ms: until then proxies, and the other instances of Statistics, have sent theirs. */
export const settleMs = 3000
const maxWatchers = 200
/** As many answers as may wait for one watcher. */
const maxQueue = 20
/** So many points take about 300 KB; what has more is sent in several answers. */
const maxPoints = 4000
/** What changes later than that is only seen by who asks anew. s. */
const correctS = 300

export function createFeeds(history: History, now: () => number): Feeds {
  const feeds = new Map<string, Feed>()
  let watchers = 0
  let closed = false

  const settled = (stepS: number) => {
    const second = (now() - settleMs) / 1000
    return Math.floor(second / stepS) * stepS
  }

  function open(key: string, query: Query): Feed {
    const { stepS } = query
    const tick = () => {
      const until = settled(stepS)
      if (until > feed.until) {
        const starts = [...feed.changed, ...steps(Math.max(feed.until, until - correctS - stepS), until, stepS)]
        feed.changed.clear()
        feed.until = until
        const answers = answersOf(signalsOf(history, query, starts), until)
        for (const watcher of feed.watchers) {
          watcher.queue.push(...answers)
          if (watcher.queue.length > maxQueue + answers.length) watcher.lagging = true
          watcher.wake()
        }
      }
      feed.timer = setTimeout(tick, Math.max(50, (feed.until + stepS) * 1000 + settleMs - now()))
    }
    const stopListening = history.onAdded(second => {
      const start = second - (second % stepS)
      if (start < feed.until && start >= feed.until - correctS) feed.changed.add(start)
    })
    const until = settled(stepS)
    const feed: Feed = {
      query,
      until,
      changed: new Set(),
      watchers: new Set(),
      timer: setTimeout(tick, 0),
      stopListening,
    }
    feeds.set(key, feed)
    return feed
  }

  function shut(key: string, feed: Feed) {
    clearTimeout(feed.timer)
    feed.stopListening()
    if (feeds.get(key) === feed) feeds.delete(key)
  }

  return {
    async *watch(query, rangeS, signal) {
      if (watchers >= maxWatchers) throw resourceExhausted('OVERLOADED', 'Too many watch the signals already.', 5000)
      const key = JSON.stringify([query.groupBy, query.service, query.stepS])
      const feed = feeds.get(key) ?? open(key, query)
      const watcher: Watcher = { queue: [], wake: () => {}, lagging: false }
      const wake = () => watcher.wake()
      watchers++
      feed.watchers.add(watcher)
      signal.addEventListener('abort', wake)
      try {
        const from = Math.ceil((feed.until - rangeS) / query.stepS) * query.stepS
        yield* answersOf(signalsOf(history, query, [...steps(from, feed.until, query.stepS)]), feed.until)
        while (!signal.aborted && !closed) {
          if (watcher.lagging)
            throw resourceExhausted('OVERLOADED', 'The signals are not read as fast as they come.', 1000)
          const next = watcher.queue.shift()
          if (next) yield next
          else
            await new Promise<void>(resolve => {
              watcher.wake = resolve
              if (signal.aborted || closed) resolve()
            })
        }
      } finally {
        watchers--
        signal.removeEventListener('abort', wake)
        feed.watchers.delete(watcher)
        if (feed.watchers.size === 0) shut(key, feed)
      }
      if (closed) throw unavailable('This instance stops. Watch again.')
    },
    close() {
      closed = true
      for (const feed of feeds.values()) for (const watcher of feed.watchers) watcher.wake()
    },
  }
}

function* steps(from: number, until: number, stepS: number): Iterable<number> {
  for (let start = from; start < until; start += stepS) yield start
}

/** One answer, or several when there is much; one also when there is nothing, so that it is known. */
function answersOf({ series, dropped }: Signals, until: number): WatchSignalsResponse[] {
  const time = new Date(until * 1000)
  const answers: WatchSignalsResponse[] = [{ series: [], time, dropped }]
  let points = 0
  for (const each of series) {
    if (points > 0 && points + each.points.length > maxPoints) {
      answers.push({ series: [], time, dropped: 0 })
      points = 0
    }
    points += each.points.length
    answers.at(-1)?.series.push(each)
  }
  return answers
}
