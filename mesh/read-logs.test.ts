import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { follow, lastLines, loggedNames, mergedByTime } from './read-logs.ts'
import { until } from './ready.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'site11-read-logs-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

test('names are those that have a log, rotated ones not counted', () => {
  for (const file of ['users-1.log', 'users-1.log.1', 'mongod.log']) writeFileSync(join(folder, file), '')
  expect(loggedNames(folder)).toEqual(['mongod', 'users-1'])
  expect(loggedNames(join(folder, 'nothing'))).toEqual([])
})

test('the last lines are whole ones', () => {
  writeFileSync(join(folder, 'users-1.log'), Array.from({ length: 100_000 }, (_, n) => `line ${n}\n`).join(''))
  expect(lastLines(folder, 'users-1', 2)).toEqual(['line 99998', 'line 99999'])
  expect(lastLines(folder, 'nobody', 2)).toEqual([])
})

test('lines of several logs come in the order of their times, a stack stays with its line', () => {
  const at = (second: number, msg: string) => JSON.stringify({ level: 30, time: second * 1000, msg })
  const access = '{"start_time":"1970-01-01T00:00:02.500Z","status":200}'
  const merged = mergedByTime([
    { name: 'a', lines: [at(1, 'first'), '    at its stack', at(3, 'last')] },
    { name: 'b', lines: [at(2, 'second'), access] },
  ])
  expect(merged.map(({ line }) => line)).toEqual([
    at(1, 'first'),
    '    at its stack',
    at(2, 'second'),
    access,
    at(3, 'last'),
  ])
})

test('following a log misses nothing and repeats nothing when it is rotated', async () => {
  const path = join(folder, 'users-1.log')
  writeFileSync(path, 'old\n')
  const ending = new AbortController()
  const lines: string[] = []
  const following = follow(
    folder,
    () => ['users-1'],
    (_, line) => lines.push(line),
    ending.signal,
  )
  const soon = AbortSignal.timeout(5000)
  const expectLines = (expected: string[]) => until(async () => expect(lines).toEqual(expected), soon)
  appendFileSync(path, 'one\ntw')
  await expectLines(['one'])
  appendFileSync(path, 'o\nthree\n')
  renameSync(path, `${path}.1`)
  writeFileSync(path, 'four\n')
  await expectLines(['one', 'two', 'three', 'four'])
  ending.abort()
  await following
})
