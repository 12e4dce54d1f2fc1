import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Condition, conditionsIn, filterWith } from './conditions.ts'
import { begun, edited, redone, undone } from './history.ts'
import { changeOf, figuresOf, stackedOf } from './plot.ts'
import { ranges, sharedStep, spanOf, stepsFor, untilNextStep, zoomed } from './range.ts'
import { valueText } from './units.ts'
import { filled } from './variables.ts'

test.each([
  [1204, '{request}', '1,204'],
  [0.5, '{request}/s', '0.5/s'],
  [12_300_000, 'By', '12.3 MB'],
  [4.2, 'ms', '4.2 ms'],
  [0.004, '1', '0.4%'],
  [90, 's', '90 sec'],
  [3_000_000, 'KRW', '3M KRW'],
])('%d of %s is %s', (value, unit, text) => {
  expect(valueText(value, unit, 'en')).toBe(text)
})

test('conditions that are written are read again, and what is none of them stays as it was', () => {
  const value = fc.string({ minLength: 1 }).filter(text => text === text.trim())
  const condition = fc.record<Condition>({ label: fc.constantFrom('service', 'a.b'), not: fc.boolean(), value })
  fc.assert(
    fc.property(fc.array(condition), known => {
      expect(conditionsIn(filterWith({ known, rest: [] }))).toEqual({ known, rest: [] })
    }),
  )
  const mixed = 'service = "users" AND (status = "OK" OR caller = "edge")'
  expect(filterWith(conditionsIn(mixed))).toBe(mixed)
})

test('variables are filled in outside of quotes; one that is not chosen is any', () => {
  const values = new Map([
    ['service', 'a"*'],
    ['other', ''],
  ])
  expect(filled('x = $service AND y = "$service" AND z = $other', values)).toBe(
    'x = "a\\"\\*" AND y = "$service" AND z = "*"',
  )
})

test('an edit is taken back and done again', () => {
  const two = edited(edited(begun(0), 1), 2)
  expect(undone(undone(undone(two))).now).toBe(0)
  expect(redone(undone(two)).now).toBe(2)
  expect(edited(undone(two), 3).future).toEqual([])
})

test('a span is no more than may be asked for, and its zoom holds the point', () => {
  expect(spanOf({ range: '1h' }, 3_600_000)).toEqual({ start: 0, end: 3_600_000 })
  expect(stepsFor({ range: '30d' })).not.toContain(60)
  expect(sharedStep({ range: '15m' })).toBe(60)
  expect(sharedStep({ range: '30d' })).toBe(21_600)
  expect(sharedStep({ range: '1h', from: 0, to: ranges['30d'] + 1 })).toBe(21_600)
  expect(untilNextStep(60_000, 59_000)).toBe(1_800)
  expect(zoomed({ start: 0, end: 1_000_000 }, 500_000, 0.5, 2_000_000)).toEqual({ start: 250_000, end: 750_000 })
})

test('figures leave out what is not there', () => {
  expect(figuresOf([null, 3, 1, null])).toEqual({ least: 1, most: 3, last: 1 })
  expect(
    stackedOf([
      [1, null],
      [2, 3],
    ]),
  ).toEqual([
    [1, null],
    [3, 3],
  ])
  expect(changeOf(3, 2)).toBe(0.5)
  expect(changeOf(3, 0)).toBeUndefined()
})
