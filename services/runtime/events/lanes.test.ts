import { setTimeout as wait } from 'node:timers/promises'
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { createLanes } from './lanes.ts'

interface Item {
  subject: string
  n: number
}

const soon = (check: () => void) => vi.waitFor(check, { timeout: 5000, interval: 2 })

/** Lanes that write down what they have done; an item in `bad` fails so often, and is held back. */
function startLanes(count = 4, most = 10, bad = new Map<Item, number>()) {
  const done: Item[] = []
  const batches: number[] = []
  let [at, mostAt] = [0, 0]
  const lanes = createLanes<Item>(count, most, async items => {
    batches.push(items.length)
    mostAt = Math.max(mostAt, ++at)
    for (const item of items) {
      await wait(1)
      const left = bad.get(item) ?? 0
      if (lanes.isHeldBack(item.subject)) lanes.holdBack(item, 0)
      else if (left > 0) {
        bad.set(item, left - 1)
        lanes.holdBack(item, 1)
      } else done.push(item)
    }
    at--
  })
  return { lanes, done, batches, parallel: () => mostAt }
}

const itemsOf = (subjects: string[]): Item[] => subjects.map((subject, n) => ({ subject, n }))
const inOrder = (items: Item[]) =>
  [...Map.groupBy(items, ({ subject }) => subject).values()].every(of =>
    of.every(({ n }, index) => index === 0 || n > (of[index - 1]?.n ?? -1)),
  )

test('all is done, each once and those of a subject in order, whatever fails and comes again', async () => {
  const subject = fc.constantFrom('a', 'b', 'c', 'd', 'e')
  const scenario = fc.record({
    items: fc.array(subject, { minLength: 1, maxLength: 40 }).map(itemsOf),
    failing: fc.array(fc.tuple(fc.nat(39), fc.integer({ min: 1, max: 3 })), { maxLength: 6 }),
    parts: fc.integer({ min: 1, max: 5 }),
  })
  const property = fc.asyncProperty(scenario, async ({ items, failing, parts }) => {
    const bad = new Map<Item, number>()
    for (const [index, times] of failing) if (items[index]) bad.set(items[index], times)
    const { lanes, done } = startLanes(3, 7, bad)
    for (let part = 0; part < parts; part++) {
      lanes.add(items.filter(({ n }) => Math.floor((n * parts) / items.length) === part))
      await wait(2)
    }
    await soon(() => expect(done).toHaveLength(items.length))
    expect(inOrder(done)).toBe(true)
    await lanes.close()
  })
  await fc.assert(property, { numRuns: 40 })
})

test('what follows an item that is due again before its lane has ended waits for it', async () => {
  const [first, ...others] = itemsOf(['a', ...Array.from({ length: 20 }, (_, n) => `b${n}`), 'a'])
  const bad = new Map([[first as Item, 1]])
  const { lanes, done } = startLanes(1, 100, bad)
  lanes.add([first as Item, ...others])
  await soon(() => expect(done).toHaveLength(22))
  expect(done.filter(({ subject }) => subject === 'a').map(({ n }) => n)).toEqual([0, 21])
  await lanes.close()
})

test("a few items are one lane's, many are several lanes'", async () => {
  const few = startLanes()
  few.lanes.add(itemsOf(['a', 'b', 'c']))
  await soon(() => expect(few.done).toHaveLength(3))
  expect(few.batches).toEqual([3])
  const many = startLanes()
  many.lanes.add(itemsOf(Array.from({ length: 60 }, (_, n) => String(n))))
  await soon(() => expect(many.done).toHaveLength(60))
  expect(many.parallel()).toBe(4)
  await Promise.all([few.lanes.close(), many.lanes.close()])
})

test('one that takes long keeps none of another subject waiting for long', async () => {
  const done: string[] = []
  const { promise, resolve } = Promise.withResolvers<void>()
  const lanes = createLanes<Item>(2, 10, async items => {
    if (items[0]?.subject === 'slow') await promise
    done.push(...items.map(({ subject }) => subject))
  })
  lanes.add(itemsOf(['slow']))
  await wait(1)
  lanes.add(itemsOf(['slow', 'quick']))
  await soon(() => expect(done).toEqual(['quick']))
  resolve()
  await soon(() => expect(done).toEqual(['quick', 'slow', 'slow']))
  await lanes.close()
})

test('a task runs when what is in hand of its subject is done, and before what comes later', async () => {
  const { lanes, done } = startLanes(2)
  const order: (number | string)[] = []
  lanes.add(itemsOf(['a', 'a']))
  lanes.run('a', async () => void order.push(...done.map(({ n }) => n), 'task'))
  lanes.add([{ subject: 'a', n: 2 }])
  await soon(() => expect(done).toHaveLength(3))
  expect(order).toEqual([0, 1, 'task'])
  await lanes.close()
})
