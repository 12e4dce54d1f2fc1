import { AlertRule, Comparison } from '@site11/proto/grpc/site11/statistics/v1/alerts_service.ts'
import { expect, test } from 'vitest'
import { durationOf } from '../resources.ts'
import { type Figure, queryOf } from '../test-figures.ts'
import { evaluate } from './evaluate.ts'
import { newRule } from './rule.ts'

const now = new Date('2026-11-23T00:00:00Z')
const minutes = (count: number) => durationOf(count * 60_000)
const { COMPARISON_ABOVE: above, COMPARISON_BELOW: below } = Comparison

async function find(condition: AlertRule['condition'], figures: Figure[]) {
  const rule = newRule(AlertRule.fromPartial({ title: 'a rule', condition } as never), '', 'rule', now)
  const found = await evaluate(
    queryOf(
      () => figures,
      () => now,
    ),
    rule.condition,
    now,
    new AbortController().signal,
  )
  return found.map(({ labels, seen, value }) => [Object.values(labels).join(), seen, Math.round(value * 1000) / 1000])
}

const requests = (value: number, fromS = 3600, untilS = 0, service = 'users'): Figure => ({
  ...{ metric: 'requests', labels: [service] },
  ...{ fromS, untilS, value },
})
const errors = (value: number, fromS = 3600, untilS = 0, service = 'users'): Figure => ({
  ...requests(value, fromS, untilS, service),
  metric: 'request.errors',
})
const query = { metric: 'requests', groupBy: ['service'] } as never
const share = (atLeast = 0) =>
  ({ metric: 'request.errors', groupBy: ['service'], dividedBy: { metric: 'requests', atLeast } }) as never

test.each<[string, number, [number, number?, number?], string, number]>([
  ['more than it may be', above, [100], 'holds', 300],
  ['less than it may be', above, [301], 'clear', 300],
  ['just what it may be', above, [300], 'clear', 300],
  ['on the way back', above, [400, 200], 'between', 300],
  ['far enough on the way back', above, [400, 300], 'clear', 300],
  ['less than it must be', below, [301], 'holds', 300],
  ['more than it must be, but not by far', below, [200, 400], 'between', 300],
])('a threshold finds what is %s', async (_, comparison, [value, resolveValue], seen, found) => {
  const threshold = { query, window: minutes(5), comparison, value, resolveValue } as never
  expect(await find({ $case: 'threshold', value: threshold }, [requests(1)])).toEqual([['users', seen, found]])
})

test('a threshold finds nothing of a group without a value', async () => {
  const threshold = { query, window: minutes(5), comparison: below, value: 10 } as never
  expect(await find({ $case: 'threshold', value: threshold }, [requests(1, 3600, 400)])).toEqual([])
})

test('a share is of the same group, 0 where nothing failed, and none where too little was asked', async () => {
  const figures = [
    requests(10),
    errors(1),
    requests(10, 3600, 0, 'images'),
    requests(0.01, 3600, 0, 'data'),
    errors(1, 3600, 0, 'data'),
  ]
  const threshold = { query: share(50), window: minutes(5), comparison: above, value: 0.05 } as never
  expect(await find({ $case: 'threshold', value: threshold }, figures)).toEqual([
    ['users', 'holds', 0.1],
    ['images', 'clear', 0],
  ])
})

test.each<[string, number, number, Figure[], unknown[]]>([
  ['a rise', above, 50, [requests(1, 600, 300), requests(2, 300, 0)], [['users', 'holds', 100]]],
  ['a rise that is small', above, 50, [requests(1, 600, 300), requests(1.2, 300, 0)], [['users', 'clear', 20]]],
  ['a fall', below, 50, [requests(4, 600, 300), requests(1, 300, 0)], [['users', 'holds', -75]]],
  ['nothing before', above, 50, [requests(1, 300, 0)], []],
  ['too little before', above, 50, [requests(0.1, 600, 300), requests(2, 300, 0)], []],
])('a change finds %s', async (_, comparison, percent, figures, found) => {
  const change = { query, window: minutes(5), comparison, percent, atLeast: 100 } as never
  expect(await find({ $case: 'change', value: change }, figures)).toEqual(found)
})

test('an absence finds groups that had values, and have none', async () => {
  const absence = { query, window: minutes(5), known: minutes(60) } as never
  const figures = [requests(1), requests(1, 3000, 600, 'images'), requests(1, 9000, 8000, 'data')]
  expect(await find({ $case: 'absence', value: absence }, figures)).toEqual([
    ['users', 'clear', 0],
    ['images', 'holds', 600],
  ])
})

test('an absence without groups finds that there never was a value', async () => {
  const absence = { query: { metric: 'requests', groupBy: [] } as never, window: minutes(5) } as never
  expect(await find({ $case: 'absence', value: absence }, [requests(1, 1e9, 9e8)])).toEqual([['', 'holds', 300]])
})

test.each<[string, Figure[], string]>([
  ['is not found while all goes well', [requests(10)], 'clear'],
  ['is found in both windows', [requests(10), errors(0.2)], 'holds'],
  ['is not found in the short one alone', [requests(10), errors(0.2, 300, 0)], 'clear'],
  ['is not found any more once it is over', [requests(10), errors(0.2, 3600, 1900)], 'clear'],
  ['is found by the slower pair', [requests(10, 21_600), errors(0.07, 21_600)], 'holds'],
])('a burn rate %s', async (_, figures, seen) => {
  const [found] = await find({ $case: 'burnRate', value: { query: share(), objective: 0.999, windows: [] } }, [
    ...figures,
    errors(0),
  ])
  expect(found?.[1]).toBe(seen)
})

test('what cannot be asked for is an error, and no finding', async () => {
  const threshold = { query: { metric: 'nothing', groupBy: [] } as never, comparison: above, value: 1 } as never
  await expect(find({ $case: 'threshold', value: threshold }, [])).rejects.toMatchObject({
    details: { reason: 'NOT_FOUND' },
  })
})
