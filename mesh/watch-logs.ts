/** The logs of the mesh as a stream of lines for programs: the last ones, then each as it is written. */
import { type Level, levels, parseLine } from './logs.ts'
import { follow, lastLines, loggedNames, mergedByTime, timeOf } from './read-logs.ts'

export type LogQuery = {
  /** Names of processes, or of services for all their instances. None means all. */
  processes: string[]
  /** The lowest level; undefined for all. */
  level: Level | undefined
  /** What occurs in a line, whatever the case; empty for all. */
  search: string
  /** How many from before. */
  lines: number
}

export type LogLine = {
  process: string
  /** ISO 8601; empty when the line does not say. */
  time: string
  level: Level
  message: string
  /** The rest of it, as JSON; empty when there is none. */
  fields: string
  traceId: string
}

export type LogBatch = { lines: LogLine[]; skipped: number }

/** What waits for a slow reader, in lines, and how many go at once. */
const mostWaiting = 2000
const mostAtOnce = 500

/** The first batch comes at once, even when it is empty. Lines that a reader is too slow for are left out and counted. */
export async function* watchLogs(folder: string, query: LogQuery, signal: AbortSignal): AsyncGenerator<LogBatch> {
  const names = () => loggedNames(folder).filter(name => isChosen(name, query.processes))
  const matching = (process: string, line: string) => {
    const read = lineOf(process, line)
    return matches(read, line, query) ? [read] : []
  }
  let waiting: LogLine[] = []
  let skipped = 0
  let wake = () => {}
  // From now on: what is written meanwhile comes after what was there before.
  const following = follow(
    folder,
    names,
    (process, line) => {
      const found = matching(process, line)
      if (waiting.length < mostWaiting) waiting.push(...found)
      else skipped += found.length
      if (found.length > 0) wake()
    },
    signal,
  )
  signal.addEventListener('abort', () => wake())
  const before = mergedByTime(names().map(name => ({ name, lines: lastLines(folder, name, Number.POSITIVE_INFINITY) })))
  const last = before.flatMap(({ name, line }) => matching(name, line)).slice(-query.lines)
  for (let at = 0; at < last.length || at === 0; at += mostAtOnce)
    yield { lines: last.slice(at, at + mostAtOnce), skipped: 0 }
  while (!signal.aborted) {
    if (waiting.length > 0) {
      const lines = waiting.slice(0, mostAtOnce)
      waiting = waiting.slice(mostAtOnce)
      const left = waiting.length === 0 ? skipped : 0
      skipped -= left
      yield { lines, skipped: left }
    } else {
      await new Promise<void>(resolve => {
        wake = resolve
        if (signal.aborted) resolve()
      })
    }
  }
  await following
}

const isChosen = (name: string, processes: string[]) =>
  processes.length === 0 ||
  processes.some(one => name === one || (name.startsWith(`${one}-`) && /^\d+$/.test(name.slice(one.length + 1))))

function matches({ level }: LogLine, line: string, query: LogQuery): boolean {
  if (query.level !== undefined && levels.indexOf(level) < levels.indexOf(query.level)) return false
  return query.search === '' || line.toLowerCase().includes(query.search.toLowerCase())
}

/** What is no message, such as a record of the access log, is all fields. */
export function lineOf(process: string, line: string): LogLine {
  const unknown = new Date(0)
  const entry = parseLine(line, unknown)
  if (!entry) {
    const time = timeOf(line)
    return {
      process,
      time: time === undefined ? '' : new Date(time).toISOString(),
      level: 'info',
      message: '',
      fields: line,
      traceId: '',
    }
  }
  const { traceId = '', ...fields } = entry.fields
  return {
    process,
    time: entry.time.getTime() === 0 ? '' : entry.time.toISOString(),
    level: entry.level,
    message: entry.msg,
    fields: Object.keys(fields).length > 0 ? JSON.stringify(fields) : '',
    traceId: String(traceId),
  }
}
