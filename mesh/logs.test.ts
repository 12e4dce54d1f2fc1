import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openLog, parseLine, wholeLines } from './logs.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'site11-logs-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const fail = (error: unknown) => {
  throw error
}

test('a log never grows beyond its three files, and the newest lines are there in order', () => {
  const path = join(folder, 'users-1.log')
  const log = openLog(path, fail, 1000)
  for (let n = 0; n < 500; n++) log.write(Buffer.from(`line ${n}\n`))
  log.close()
  const files = [`${path}.2`, `${path}.1`, path]
  for (const file of files) expect(statSync(file).size).toBeLessThanOrEqual(1000)
  expect(existsSync(`${path}.3`)).toBe(false)
  const kept = files.flatMap(file => readFileSync(file, 'utf8').trimEnd().split('\n'))
  const first = Number(kept[0]?.split(' ')[1])
  expect(kept).toEqual(Array.from({ length: 500 - first }, (_, index) => `line ${first + index}`))
  expect(kept.length).toBeGreaterThan(200)
})

test('a log that is opened again goes on where it ended', () => {
  const path = join(folder, 'users-1.log')
  for (const line of ['one\n', 'two\n']) {
    const log = openLog(path, fail)
    log.write(Buffer.from(line))
    log.close()
  }
  expect(readFileSync(path, 'utf8')).toBe('one\ntwo\n')
})

test('a log that cannot be written is said once and costs lines only', () => {
  const problems: unknown[] = []
  const log = openLog('/dev/full', error => problems.push(error))
  log.write(Buffer.from('lost\n'))
  log.write(Buffer.from('lost too\n'))
  log.close()
  expect(problems).toHaveLength(1)
})

test('however a text is cut into chunks, blocks are whole lines and nothing is lost', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: fc.constantFrom('a', '한', '\n') })), chunks => {
      const blocks: string[] = []
      const lines = wholeLines(block => blocks.push(block.toString('utf8')))
      // Cut within characters too.
      const bytes = Buffer.from(chunks.join(''))
      for (let at = 0; at < bytes.length; at += 2) lines.push(bytes.subarray(at, at + 2))
      lines.flush()
      const text = chunks.join('')
      expect(blocks.join('')).toBe(text === '' || text.endsWith('\n') ? text : `${text}\n`)
      for (const block of blocks) expect(block.endsWith('\n')).toBe(true)
    }),
  )
})

test('a line without end is not kept in memory', () => {
  let bytes = 0
  const lines = wholeLines(block => {
    bytes += block.length
  })
  for (let n = 0; n < 40; n++) lines.push(Buffer.alloc(64 * 1024, 'x'))
  expect(bytes).toBeGreaterThan(2 ** 20)
})

test('lines of every process are understood', () => {
  expect(parseLine('{"level":40,"time":1700000000000,"pid":1,"hostname":"h","msg":"slow","ms":12}')).toEqual({
    time: new Date(1700000000000),
    level: 'warn',
    msg: 'slow',
    fields: { ms: 12 },
  })
  expect(
    parseLine(
      '{"t":{"$date":"2026-01-02T03:04:05.678+00:00"},"s":"E","c":"NETWORK","id":1,"ctx":"x","msg":"failed","attr":{"port":1}}',
    ),
  ).toEqual({ time: new Date('2026-01-02T03:04:05.678Z'), level: 'error', msg: 'failed', fields: { port: 1 } })
  expect(
    parseLine('{"time":"2026-01-02T03:04:05.678+00:00","level":"warning","logger":"config","msg":"gRPC closed"}'),
  ).toMatchObject({
    level: 'warn',
    msg: 'gRPC closed',
  })
  expect(parseLine('4711:M 22 Nov 2026 16:06:00.123 # Out of memory')).toEqual({
    time: new Date('22 Nov 2026 16:06:00.123'),
    level: 'warn',
    msg: 'Out of memory',
    fields: {},
  })
  expect(parseLine('Error: plain text')).toMatchObject({ level: 'info', msg: 'Error: plain text' })
  expect(parseLine('{ not json')).toMatchObject({ msg: '{ not json' })
})

test('what is no message is left to the file', () => {
  expect(parseLine('')).toBeUndefined()
  expect(parseLine('{"time":"2026-01-02T03:04:05Z","method":"GET","status":200}')).toBeUndefined()
})

test('no line whatever breaks the reader', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc
          .dictionary(fc.constantFrom('msg', 's', 't', 'level', 'time', 'attr'), fc.jsonValue())
          .map(value => JSON.stringify(value)),
      ),
      line => {
        const entry = parseLine(line)
        if (entry) expect(Number.isNaN(entry.time.getTime())).toBe(false)
      },
    ),
  )
})
