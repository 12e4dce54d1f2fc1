import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import { lastWords, renderEntry, terminalStream } from './render.ts'

const entry = { time: new Date(2026, 0, 2, 3, 4, 5, 6), level: 'info', msg: 'listening', fields: {} } as const

test('a line tells time, name, level, message and fields', () => {
  const line = stripVTControlCharacters(
    renderEntry('users-1', { ...entry, fields: { port: 8100, took: { ms: 3 }, none: null } }),
  )
  expect(line).toBe('03:04:05.006 users-1        INFO  listening port=8100 took={"ms":3}')
})

test('an escape sequence in a message does not reach the terminal', () => {
  const line = renderEntry('users-1', { ...entry, msg: 'agent \u001b]0;owned\u0007', fields: { agent: '\u001b[2J' } })
  expect(stripVTControlCharacters(line)).not.toContain('\u001b')
  expect(line).not.toContain('\u001b]')
  expect(line).not.toContain('\u0007')
})

test('an error is shown with its stack', () => {
  const err = { type: 'TypeError', message: 'no', stack: 'TypeError: no\n    at main.ts:1:1' }
  expect(renderEntry('users-1', { ...entry, fields: { err } })).toContain('\nTypeError: no\n    at main.ts:1:1')
})

test('only lines from the asked level upwards are shown', () => {
  const shown: string[] = []
  const stream = terminalStream('mongod', 'error', line => shown.push(line))
  stream(Buffer.from('{"s":"I","msg":"quiet"}\n{"s":"E","msg":"loud"}\n'))
  expect(shown).toHaveLength(1)
  expect(shown[0]).toContain('loud')
})

test('more lines a second than anybody can read are counted, not shown', () => {
  let now = 5000
  const shown: string[] = []
  const stream = terminalStream(
    'users-1',
    'info',
    line => shown.push(line),
    () => now,
  )
  stream(Buffer.from('a line\n'.repeat(1000)))
  expect(shown).toHaveLength(200)
  now += 1000
  stream(Buffer.from('the next second\n'))
  expect(shown).toHaveLength(202)
  expect(shown[200]).toContain('800 more lines')
})

test('last words are messages and plain text, without the frames of a stack', () => {
  const written = [
    '{"level":30,"time":0,"msg":"listening"}',
    '{"level":50,"time":0,"msg":"no database"}',
    '/service/main.ts:7',
    '    throw new Error("no")',
    '    ^',
    'Error: no',
    '    at file:///service/main.ts:7:11',
    '',
    'Node.js v24.0.0',
  ]
  const words = lastWords('users-1', written.join('\n')).map(stripVTControlCharacters)
  expect(words[0]).toMatch(/ERROR no database$/)
  expect(words.slice(1)).toEqual(['/service/main.ts:7', '    throw new Error("no")', 'Error: no'])
})
