import { expect, test } from 'vitest'
import { forget, type PastCall, pastCalls, remember } from './history.ts'

function memory(): Storage {
  const items = new Map<string, string>()
  return {
    getItem: (key: string) => items.get(key) ?? null,
    setItem: (key: string, value: string) => void items.set(key, value),
    removeItem: (key: string) => void items.delete(key),
  } as Storage
}
const call = (time: number): PastCall => ({ method: 'a.B/C', request: { id: 'x' }, time, code: 'OK', ms: 5, count: 1 })

test('the last 50 calls are kept, the newest first', () => {
  const storage = memory()
  for (let time = 1; time <= 60; time++) remember(storage, 'kim', call(time))
  const calls = pastCalls(storage, 'kim')
  expect([calls.length, calls[0], calls.at(-1)?.time]).toEqual([50, call(60), 11])
})

test('each user has a history alone', () => {
  const storage = memory()
  remember(storage, 'kim', call(1))
  expect(pastCalls(storage, 'lee')).toEqual([])
  forget(storage, 'kim')
  expect(pastCalls(storage, 'kim')).toEqual([])
})

test('a large request is left out', () => {
  expect(remember(memory(), 'kim', { ...call(1), request: { text: 'x'.repeat(10_000) } })[0]).not.toHaveProperty(
    'request',
  )
})

test.each(['{', '{"a":1}', '[1,null,{"method":1}]'])('what was stored as %s is no history', stored => {
  expect(pastCalls({ getItem: () => stored }, 'kim')).toEqual([])
})

test('a storage that is full breaks nothing', () => {
  const full = {
    ...memory(),
    setItem: () => {
      throw new DOMException('full', 'QuotaExceededError')
    },
  }
  expect(remember(full, 'kim', call(1))).toHaveLength(1)
})
