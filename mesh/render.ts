import { styleText } from 'node:util'
import { type Level, type LogEntry, levels, parseLine } from './logs.ts'

type Style = Parameters<typeof styleText>[0]
const nameStyles: Style[] = ['cyan', 'magenta', 'blue', 'green', 'yellow', 'cyanBright', 'magentaBright', 'blueBright']
const levelStyles: Record<Level, Style> = {
  trace: 'dim',
  debug: 'dim',
  info: 'green',
  warn: 'yellow',
  error: 'red',
  fatal: 'red',
}
const widestName = 14
const longestValue = 200

/** One line for people: local time, who, level, message, fields. Colours as the terminal and NO_COLOR allow. */
export function renderEntry(name: string, { time, level, msg, fields }: LogEntry): string {
  const clock = `${time.toTimeString().slice(0, 8)}.${String(time.getMilliseconds()).padStart(3, '0')}`
  const details = Object.entries(fields).flatMap(([key, value]) =>
    value === undefined || value === null ? [] : [renderField(key, value)],
  )
  const parts = [
    styleText('dim', clock),
    styleText(nameStyle(name), name.padEnd(widestName)),
    styleText(levelStyles[level], level.toUpperCase().padEnd(5)),
    printable(msg),
    ...details,
  ]
  return parts.join(' ')
}

function renderField(key: string, value: unknown): string {
  // An error as pino writes it: the stack says all.
  if (key === 'err' && typeof value === 'object' && value && 'stack' in value)
    return `\n${printable(String(value.stack))}`
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return styleText(
    'dim',
    `${key}=${printable(text.length > longestValue ? `${text.slice(0, longestValue)}...` : text)}`,
  )
}

/** Log lines carry what clients sent: no escape sequence of theirs may reach the operator's terminal. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this removes
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '?')
}

function nameStyle(name: string): Style {
  if (name === 'mesh') return 'bold'
  let sum = 0
  for (const character of name) sum = (sum * 31 + character.charCodeAt(0)) % 9973
  return nameStyles[sum % nameStyles.length] ?? 'cyan'
}

const linesPerSecond = 200

/**
 * Shows the lines of one stream, from `from` upwards. It reads at most 200 a second: more nobody can follow, and under load rendering
 * would cost more than serving. What was left out is counted and said.
 */
export function terminalStream(name: string, from: Level, print: (line: string) => void, now: () => number = Date.now) {
  let second = 0
  let read = 0
  let skipped = 0
  return (block: Buffer) => {
    const current = Math.floor(now() / 1000)
    if (current !== second) {
      if (skipped > 0) {
        const msg = `${skipped} more lines were not shown: npm run mesh -- logs ${name}`
        print(renderEntry(name, { time: new Date(now()), level: 'info', msg, fields: {} }))
      }
      second = current
      read = 0
      skipped = 0
    }
    for (const line of block.toString('utf8').trimEnd().split('\n')) {
      // Records for machines, such as the access log: thousands a second under load, not worth parsing.
      if (line.startsWith('{') && !line.includes('"msg":')) continue
      if (read >= linesPerSecond) {
        skipped++
        continue
      }
      read++
      const entry = parseLine(line)
      if (entry && levels.indexOf(entry.level) >= levels.indexOf(from)) print(renderEntry(name, entry))
    }
  }
}

/** What matters at the end of what a process wrote: warnings and worse, and plain text without the frames of a stack. */
export function lastWords(name: string, written: string): string[] {
  return written
    .split('\n')
    .filter(line => line.trim() !== '' && !/^\s+at |^Node\.js v|^[\s^]+$/.test(line))
    .flatMap(line => {
      if (!line.startsWith('{"')) return [printable(line)]
      const entry = parseLine(line)
      return entry && levels.indexOf(entry.level) >= levels.indexOf('warn') ? [renderEntry(name, entry)] : []
    })
    .slice(-8)
}
