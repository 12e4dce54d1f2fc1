import fc from 'fast-check'
import { expect, test } from 'vitest'
import { changed, columns, type Place, settled } from './layout.ts'

const place = fc.record({
  x: fc.integer({ min: 0, max: 11 }),
  y: fc.integer({ min: 0, max: 40 }),
  width: fc.integer({ min: 2, max: 12 }),
  height: fc.integer({ min: 2, max: 12 }),
})
const places = fc
  .array(place, { maxLength: 12 })
  .map(all => all.map((each, id): Place => ({ ...each, id: `p${id}`, x: Math.min(each.x, columns - each.width) })))

const overlapping = (all: readonly Place[]) =>
  all.some((a, at) =>
    all
      .slice(at + 1)
      .some(b => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height),
  )

test('no panel covers another, whatever is moved or resized', () => {
  const step = fc.integer({ min: -14, max: 14 })
  fc.assert(
    fc.property(places, step, step, fc.boolean(), (all, across, down, isMove) => {
      const by = isMove ? { x: across, y: down } : { width: across, height: down }
      const next = all[0] ? changed(all, 'p0', by) : settled(all)
      expect(overlapping(next)).toBe(false)
      for (const { x, y, width } of next) {
        expect(x).toBeGreaterThanOrEqual(0)
        expect(y).toBeGreaterThanOrEqual(0)
        expect(x + width).toBeLessThanOrEqual(columns)
      }
      expect(next.map(({ id }) => id)).toEqual(all.map(({ id }) => id))
    }),
  )
})

test('what is settled stays as it is, and leaves no room above', () => {
  fc.assert(
    fc.property(places, all => {
      expect(settled(settled(all))).toEqual(settled(all))
    }),
  )
  expect(settled([{ id: 'a', x: 0, y: 9, width: 4, height: 3 }])).toMatchObject([{ y: 0 }])
})
