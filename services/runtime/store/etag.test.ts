import { expect, test } from 'vitest'
import { checkEtag, etagFilter, etagOf } from './etag.ts'

const mismatch = expect.objectContaining({ code: 10, details: { reason: 'ETAG_MISMATCH' } })

test('An etag finds the version that it was made of, and no other', () => {
  for (const version of [1, 35, 36, 1_000_000]) {
    expect(etagFilter(etagOf(version))).toEqual({ version })
    expect(() => checkEtag(etagOf(version), version)).not.toThrow()
    expect(() => checkEtag(etagOf(version), version + 1)).toThrow(mismatch)
  }
})

test('Without an etag every version will do', () => {
  expect(etagFilter('')).toEqual({})
  expect(() => checkEtag('', 7)).not.toThrow()
})

test.each(['1', 'v', 'v01', 'v1 ', 'V1', 'v-1.5', '"v1"', 'x'.repeat(100)])('The etag %j is no version’s', etag => {
  expect(() => etagFilter(etag)).toThrow(mismatch)
  expect(() => checkEtag(etag, 1)).toThrow(mismatch)
})
