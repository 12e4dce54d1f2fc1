import { expect, test } from 'vitest'
import { statisticsSearch } from './search.ts'

test('what an address says is understood, and what is the default is left out', () => {
  expect(statisticsSearch({ tab: 'metrics', span: '1h', view: 'line', live: true })).toEqual({})
  const asked = { metric: 'requests', by: ['service'], top: 0, span: '7d', compare: '1d', view: 'table', live: false }
  expect(statisticsSearch(asked)).toEqual(asked)
})

test('what is not understood is dropped', () => {
  const wrong = { tab: 'x', part: 'rules', by: 'service', from: 5, top: 201, step: 0.5, vars: { $: 'x' }, events: [{}] }
  expect(statisticsSearch(wrong)).toEqual({})
  expect(statisticsSearch({ tab: 'alerts', part: 'funnel' })).toEqual({ tab: 'alerts' })
})
