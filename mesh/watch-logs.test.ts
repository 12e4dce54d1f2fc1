import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type LogLine, type LogQuery, lineOf, watchLogs } from './watch-logs.ts'

let folder: string
let ending: AbortController
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'site11-watch-logs-'))
  ending = new AbortController()
})
afterEach(() => {
  ending.abort()
  rmSync(folder, { recursive: true })
})

const line = (msg: string, level = 'info', second = 0) =>
  `${JSON.stringify({ time: new Date(second * 1000 + 1e12).toISOString(), level, msg })}\n`
const watch = (query: Partial<LogQuery> = {}) =>
  watchLogs(folder, { processes: [], level: undefined, search: '', lines: 200, ...query }, ending.signal)
const messages = (lines: LogLine[] = []) => lines.map(({ message }) => message)

test('the last lines come first, in the order of their times, chosen by process, level and words', async () => {
  writeFileSync(join(folder, 'users-1.log'), line('one', 'info', 1) + line('three', 'warn', 3))
  writeFileSync(join(folder, 'users-2.log'), line('Two', 'error', 2))
  writeFileSync(join(folder, 'users-old.log'), line('of another', 'error', 4))
  const first = async (query: Partial<LogQuery>) => messages((await watch(query).next()).value?.lines)
  expect(await first({})).toEqual(['one', 'Two', 'three', 'of another'])
  expect(await first({ lines: 2 })).toEqual(['three', 'of another'])
  expect(await first({ processes: ['users'] })).toEqual(['one', 'Two', 'three'])
  expect(await first({ processes: ['users-1'], level: 'warn' })).toEqual(['three'])
  expect(await first({ search: 'tWO' })).toEqual(['Two'])
  expect(await first({ search: 'nowhere' })).toEqual([])
})

test('then what is written, also by a process that is new', async () => {
  writeFileSync(join(folder, 'users-1.log'), line('before'))
  const stream = watch()
  expect(messages((await stream.next()).value?.lines)).toEqual(['before'])
  appendFileSync(join(folder, 'users-1.log'), line('after'))
  expect(messages((await stream.next()).value?.lines)).toEqual(['after'])
  writeFileSync(join(folder, 'users-2.log'), line('new'))
  expect(messages((await stream.next()).value?.lines)).toEqual(['new'])
  ending.abort()
  expect((await stream.next()).done).toBe(true)
})

test('what a reader is too slow for is left out and counted', async () => {
  const path = join(folder, 'users-1.log')
  writeFileSync(path, line('before'))
  const stream = watch()
  await stream.next()
  const all = 10_000
  appendFileSync(path, Array.from({ length: all }, (_, n) => line(`number ${n}`)).join(''))
  let seen = 0
  let skipped = 0
  while (seen + skipped < all) {
    const { value } = await stream.next()
    seen += value?.lines.length ?? 0
    skipped += value?.skipped ?? 0
  }
  expect([seen, skipped]).toEqual([2000, 8000])
})

test('a record without a message is all fields; a trace id stands apart', () => {
  const record = '{"start_time":"2026-01-02T03:04:05.000Z","path":"/"}'
  expect(lineOf('envoy-1', record)).toMatchObject({ message: '', fields: record, time: '2026-01-02T03:04:05.000Z' })
  const message = '{"level":"warn","time":"2026-01-02T03:04:05.000Z","msg":"late","traceId":"ab","ms":3}'
  expect(lineOf('users-1', message)).toEqual({
    process: 'users-1',
    time: '2026-01-02T03:04:05.000Z',
    level: 'warn',
    message: 'late',
    fields: '{"ms":3}',
    traceId: 'ab',
  })
})
