import fc from 'fast-check'
import { expect, test } from 'vitest'
import { freshPlaces, type Places, partHeight, partWidth, placesWith } from './layout.ts'
import type { Link, Part } from './model.ts'

const part = (id: string, kind: Part['kind']): Part => ({
  id,
  kind,
  name: id,
  state: undefined,
  members: [],
  rate: undefined,
  errors: undefined,
  p95Ms: undefined,
})
const link = (from: string, to: string): Link => ({
  id: `${from}>${to}`,
  from,
  to,
  rate: undefined,
  errors: undefined,
  p95Ms: undefined,
})

function meshOf(services: string[], calls: [string, string][] = []) {
  const parts = [
    part('clients', 'clients'),
    part('edge', 'edge'),
    ...services.map(id => part(id, 'service')),
    part('mongodb', 'store'),
    part('redis', 'store'),
  ]
  const links = [
    link('clients', 'edge'),
    ...services.flatMap(id => [link('edge', id), link(id, 'mongodb')]),
    ...calls.map(([from, to]) => link(from, to)),
    link(services[0] ?? 'edge', 'redis'),
  ]
  return { parts, links }
}

function overlaps(parts: readonly Part[], places: Places): string[] {
  const boxes = parts.map(({ id, kind }) => ({ id, ...(places.get(id) ?? { x: 0, y: 0 }), height: partHeight[kind] }))
  return boxes.flatMap((a, at) =>
    boxes
      .slice(at + 1)
      .filter(b => Math.abs(a.x - b.x) < partWidth && a.y < b.y + b.height && b.y < a.y + a.height)
      .map(b => `${a.id} ${b.id}`),
  )
}

test('from left to right: clients, edge, services, stores', () => {
  const { parts, links } = meshOf(['users', 'console', 'images'], [['console', 'users']])
  const places = freshPlaces(parts, links)
  const x = (id: string) => places.get(id)?.x ?? Number.NaN
  expect(x('clients')).toBeLessThan(x('edge'))
  for (const id of ['users', 'console', 'images']) {
    expect(x('edge')).toBeLessThan(x(id))
    expect(x(id)).toBeLessThan(x('mongodb'))
  }
  expect(x('mongodb')).toBe(x('redis'))
})

test('the same things stand at the same places, calls in a circle or not', () => {
  const { parts, links } = meshOf(
    ['a', 'b'],
    [
      ['a', 'b'],
      ['b', 'a'],
    ],
  )
  expect(freshPlaces(parts, links)).toEqual(freshPlaces(parts, links))
})

test('whoever comes and goes, what stays does not move, and nothing stands on another', () => {
  const name = fc.constantFrom(...Array.from({ length: 14 }, (_, at) => `s${at}`))
  const set = fc.uniqueArray(name, { minLength: 1, maxLength: 12 })
  fc.assert(
    fc.property(fc.array(set, { minLength: 1, maxLength: 6 }), steps => {
      let before: Places = new Map()
      for (const services of steps) {
        const { parts, links } = meshOf(services)
        const places = placesWith(before, parts, links)
        for (const { id } of parts) if (before.has(id)) expect(places.get(id)).toEqual(before.get(id))
        expect(overlaps(parts, places)).toEqual([])
        before = places
      }
    }),
    { numRuns: 60 },
  )
})
