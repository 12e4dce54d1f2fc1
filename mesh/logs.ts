import { closeSync, fstatSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'

/** One file per process, rotated: name.log, name.log.1 and name.log.2, each of `maxBytes` at most. */
export type LogFile = { write(lines: Buffer): void; close(): void }

/** Opens a log for appending. Writes are whole lines. A full disk loses lines, never the mesh: `onError` hears of the first failure. */
export function openLog(path: string, onError: (error: unknown) => void, maxBytes = 10 * 2 ** 20, files = 3): LogFile {
  let fd = openSync(path, 'a', 0o600)
  let size = fstatSync(fd).size
  let failed = false

  function rotate() {
    closeSync(fd)
    for (let n = files - 1; n > 0; n--) {
      rmSync(`${path}.${n}`, { force: true })
      tryRename(n === 1 ? path : `${path}.${n - 1}`, `${path}.${n}`)
    }
    fd = openSync(path, 'a', 0o600)
    size = 0
  }

  return {
    write(lines) {
      try {
        if (size > 0 && size + lines.length > maxBytes) rotate()
        size += writeSync(fd, lines)
        failed = false
      } catch (error) {
        if (!failed) onError(error)
        failed = true
      }
    },
    close: () => closeSync(fd),
  }
}

function tryRename(from: string, to: string) {
  try {
    renameSync(from, to)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

const newline = 0x0a
const longestLine = 2 ** 20

/** Turns chunks into blocks of whole lines. A line of over 1 MiB is cut rather than kept in memory. `flush` gives the last, unended line. */
export function wholeLines(onBlock: (block: Buffer) => void) {
  let rest: Buffer = Buffer.alloc(0)
  return {
    push(chunk: Buffer) {
      const end = chunk.lastIndexOf(newline)
      if (end === -1) {
        rest = Buffer.concat([rest, chunk])
        if (rest.length > longestLine) this.flush()
        return
      }
      const block = chunk.subarray(0, end + 1)
      onBlock(rest.length > 0 ? Buffer.concat([rest, block]) : block)
      // A copy: the chunk's memory is not ours to keep.
      rest = Buffer.from(chunk.subarray(end + 1))
    },
    flush() {
      if (rest.length > 0) onBlock(Buffer.concat([rest, Buffer.from('\n')]))
      rest = Buffer.alloc(0)
    },
  }
}

export const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const
export type Level = (typeof levels)[number]

export type LogEntry = { time: Date; level: Level; msg: string; fields: Record<string, unknown> }

/** What a line of any of our processes says; undefined for what is no message: an empty line, or JSON without one (an access log). */
export function parseLine(line: string, now = new Date()): LogEntry | undefined {
  if (line.trim() === '') return undefined
  if (line.startsWith('{')) {
    try {
      return fromJson(JSON.parse(line), now)
    } catch {
      // A line that only looks like JSON is text.
    }
  }
  return fromRedis(line) ?? { time: now, level: 'info', msg: line.trimEnd(), fields: {} }
}

const mongodLevels: Record<string, Level> = { F: 'fatal', E: 'error', W: 'warn', I: 'info' }
const envoyLevels: Record<string, Level> = { warning: 'warn', critical: 'fatal', off: 'fatal' }
const hidden = new Set(['time', 'level', 'msg', 'pid', 'hostname', 'name', 'service', 'instance', 'v'])

function fromJson(record: Record<string, unknown>, now: Date): LogEntry | undefined {
  if (typeof record.msg !== 'string') return undefined
  if (typeof record.s === 'string') {
    const time = new Date(String((record.t as { $date?: string })?.$date))
    return {
      time: valid(time, now),
      level: mongodLevels[record.s] ?? 'debug',
      msg: record.msg,
      fields: (record.attr ?? {}) as LogEntry['fields'],
    }
  }
  const fields = Object.fromEntries(Object.entries(record).filter(([key]) => !hidden.has(key)))
  return {
    time: valid(new Date(record.time as string | number), now),
    level: levelOf(record.level),
    msg: record.msg,
    fields,
  }
}

const valid = (time: Date, otherwise: Date) => (Number.isNaN(time.getTime()) ? otherwise : time)

/** pino writes 10, 20, ... 60 or a word; Envoy writes words of its own. */
function levelOf(level: unknown): Level {
  if (typeof level === 'number') return levels[Math.min(Math.max(Math.floor(level / 10) - 1, 0), 5)] ?? 'info'
  const word = String(level).toLowerCase()
  return levels.find(name => name === word) ?? envoyLevels[word] ?? 'info'
}

const redisLevels: Record<string, Level> = { '.': 'debug', '-': 'info', '*': 'info', '#': 'warn' }
const redisLine = /^\d+:[A-Z] (\d+ \w+ \d+ [\d:.]+) ([.*#-]) (.*)$/

function fromRedis(line: string): LogEntry | undefined {
  const match = redisLine.exec(line)
  if (!match) return undefined
  const [, time = '', level = '', msg = ''] = match
  return { time: new Date(time), level: redisLevels[level] ?? 'info', msg, fields: {} }
}
