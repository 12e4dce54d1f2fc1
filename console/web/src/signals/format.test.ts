import { expect, test } from 'vitest'
import { msText, rateText, shareText } from './format.ts'

test.each([
  [0, '0'],
  [0.0167, '0.017'],
  [2.54, '2.5'],
  [12.34, '12'],
  [1204, '1,204'],
])('%d requests a second are %s', (rate, text) => {
  expect(rateText(rate, 'en')).toBe(text)
})

test.each([
  [0, '0%'],
  [0.0004, '<0.1%'],
  [0.0123, '1.2%'],
  [0.5, '50%'],
])('a share of %d is %s', (share, text) => {
  expect(shareText(share, 'en')).toBe(text)
})

test.each([
  [4.21, '4.2 ms'],
  [120.4, '120 ms'],
  [1320, '1.3 sec'],
])('%d ms are %s', (ms, text) => {
  expect(msText(ms, 'en')).toBe(text)
  expect(msText(ms, 'ko')).not.toBe('')
})
