import { closeSync, existsSync, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseLine } from './logs.ts'
import { renderEntry } from './render.ts'

/** Who has a log in the folder. */
export function loggedNames(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter(file => file.endsWith('.log'))
    .map(file => file.slice(0, -'.log'.length))
    .sort()
}

const tailBytes = 256 * 1024

/** The last whole lines of a log, at most `count`, from its last 256 KiB. */
export function lastLines(folder: string, name: string, count: number): string[] {
  const path = join(folder, `${name}.log`)
  if (!existsSync(path)) return []
  const { size } = statSync(path)
  const lines = readFrom(path, Math.max(0, size - tailBytes))
    .text.split('\n')
    .filter(Boolean)
  return lines.slice(-count)
}

/** A log line for people; one that is no message (an access log record) as it is. */
export function renderLine(name: string, line: string): string {
  const entry = parseLine(line)
  return entry ? renderEntry(name, entry) : `${name} ${line}`
}

/** Lines of several logs in the order of their times; a line without one stays behind the line before it. */
export function mergedByTime(logs: { name: string; lines: string[] }[]): { name: string; line: string }[] {
  const timed = logs.flatMap(({ name, lines }) => {
    let time = 0
    return lines.map(line => {
      time = timeOf(line) ?? time
      return { name, line, time }
    })
  })
  return timed.sort((a, b) => a.time - b.time).map(({ name, line }) => ({ name, line }))
}

/** When a line was written, epoch ms, where it says so. */
export function timeOf(line: string): number | undefined {
  const unknown = new Date(0)
  const entry = parseLine(line, unknown)
  if (entry) return entry.time.getTime() || undefined
  const time = Date.parse(/"(?:time|start_time)":"([^"]+)"/.exec(line)?.[1] ?? '')
  return Number.isNaN(time) ? undefined : time
}

/**
 * Calls `onLine` for every line that is added to the logs, through rotations, until `signal` fires. A log that is not among `names` at
 * first, and is later, is read from its beginning.
 */
export async function follow(
  folder: string,
  names: () => string[],
  onLine: (name: string, line: string) => void,
  signal: AbortSignal,
) {
  const places = names().map(name => {
    const path = join(folder, `${name}.log`)
    const { size, ino } = existsSync(path) ? statSync(path) : { size: 0, ino: 0 }
    return { name, path, ino, offset: size, rest: '' }
  })
  while (!signal.aborted) {
    const added = names().filter(name => !places.some(place => place.name === name))
    for (const name of added) places.push({ name, path: join(folder, `${name}.log`), ino: 0, offset: 0, rest: '' })
    for (const place of places) {
      if (!existsSync(place.path)) continue
      const { ino } = statSync(place.path)
      if (ino !== place.ino) {
        // Rotated: first what was added to the old file since.
        if (place.ino) take(place, `${place.path}.1`)
        Object.assign(place, { ino, offset: 0, rest: '' })
      }
      take(place, place.path)
    }
    await delay(200, undefined, { signal }).catch(() => {})
  }

  function take(place: (typeof places)[number], path: string) {
    if (!existsSync(path)) return
    const { text, end } = readFrom(path, place.offset)
    place.offset = end
    const lines = (place.rest + text).split('\n')
    place.rest = lines.pop() ?? ''
    for (const line of lines) if (line) onLine(place.name, line)
  }
}

function readFrom(path: string, offset: number): { text: string; end: number } {
  const fd = openSync(path, 'r')
  try {
    const length = Math.max(0, fstatSync(fd).size - offset)
    const buffer = Buffer.alloc(length)
    const read = readSync(fd, buffer, 0, length, offset)
    return { text: buffer.toString('utf8', 0, read), end: offset + read }
  } finally {
    closeSync(fd)
  }
}
