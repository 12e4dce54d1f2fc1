import { expect, test } from 'vitest'
import { createOutbox } from './outbox.ts'

async function all<T>(messages: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const message of messages) list.push(message)
  return list
}

test('what waits is sent in order, of each kind the latest only', async () => {
  const outbox = createOutbox<string, number>()
  outbox.put('a', 1)
  outbox.put('b', 2)
  outbox.put('a', 3)
  outbox.end()
  expect(await all(outbox)).toEqual([3, 2])
})

test('a reader that is ahead gets each message as it comes', async () => {
  const outbox = createOutbox<string, number>()
  const reading = all(outbox)
  for (const value of [1, 2, 3]) {
    await new Promise(resolve => setImmediate(resolve))
    outbox.put('a', value)
  }
  await new Promise(resolve => setImmediate(resolve))
  outbox.end()
  outbox.put('a', 4)
  expect(await reading).toEqual([1, 2, 3])
})

test('an error ends the stream at once', async () => {
  const outbox = createOutbox<string, number>()
  outbox.put('a', 1)
  outbox.end(new Error('lost'))
  outbox.end()
  await expect(all(outbox)).rejects.toThrow('lost')
})
