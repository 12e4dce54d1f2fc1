import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Place, partHeight, partWidth } from './layout.ts'
import type { Part } from './model.ts'
import { pathThrough, wayOf } from './way.ts'

const service = (id: string): Part => ({
  id,
  kind: 'service',
  name: id,
  state: undefined,
  members: [],
  rate: undefined,
  errors: undefined,
  p95Ms: undefined,
})
const column = (place: number) => place * (partWidth + 64)
const middleOf = ({ y }: Place) => y + partHeight.service / 2

describe('the way of a link', () => {
  test('is straight where nothing stands between', () => {
    const places = new Map([
      ['a', { x: 0, y: 0 }],
      ['b', { x: column(1), y: 300 }],
    ])
    expect(wayOf({ from: 'a', to: 'b' }, places, [service('a'), service('b')])).toEqual([
      { x: partWidth, y: partHeight.service / 2 },
      { x: column(1), y: 300 + partHeight.service / 2 },
    ])
  })

  test('goes around what stands between', () => {
    const rows = fc.uniqueArray(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(fc.array(rows, { minLength: 1, maxLength: 3 }), fc.nat(900), fc.nat(900), (columns, from, to) => {
        const places = new Map<string, Place>([['a', { x: 0, y: from }]])
        for (const [place, each] of columns.entries())
          for (const row of each)
            places.set(`${place}/${row}`, { x: column(place + 1), y: row * (partHeight.service + 36) })
        places.set('b', { x: column(columns.length + 1), y: to })
        const way = wayOf({ from: 'a', to: 'b' }, places, [...places.keys()].map(service)) ?? []
        expect(way).toHaveLength(2 + 2 * columns.length)
        for (const { x, y } of way.slice(1, -1)) {
          const crossed = [...places].filter(
            ([id, place]) =>
              id !== 'a' &&
              id !== 'b' &&
              x >= place.x &&
              x <= place.x + partWidth &&
              Math.abs(y - middleOf(place)) < partHeight.service / 2,
          )
          expect(crossed).toEqual([])
        }
      }),
    )
  })

  test('has none of its own when it goes back', () => {
    const places = new Map([
      ['a', { x: column(1), y: 0 }],
      ['b', { x: 0, y: 0 }],
    ])
    expect(wayOf({ from: 'a', to: 'b' }, places, [service('a'), service('b')])).toBeUndefined()
  })
})

test('a path bends between its points and is level at each', () => {
  expect(
    pathThrough([
      { x: 0, y: 0 },
      { x: 10, y: 20 },
    ]),
  ).toEqual({
    path: 'M0,0C5,0 5,20 10,20',
    middle: { x: 5, y: 10 },
  })
})
