import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { seal, unseal } from './seal.ts'

const key = randomBytes(32)

test('what is sealed opens with the same key and purpose', () => {
  expect(unseal(key, 'a', seal(key, 'a', 'secret 비밀'))).toBe('secret 비밀')
})

test('it opens with no other key and for no other purpose', () => {
  const sealed = seal(key, 'a', 'secret')
  expect(unseal(randomBytes(32), 'a', sealed)).toBeUndefined()
  expect(unseal(key, 'b', sealed)).toBeUndefined()
})

test('it does not open when any part of it was changed or cut', () => {
  const sealed = seal(key, 'a', 'secret')
  for (let at = 0; at < sealed.length; at++) {
    const changed = Buffer.from(sealed)
    changed[at] = (changed[at] ?? 0) ^ 1
    expect(unseal(key, 'a', changed)).toBeUndefined()
  }
  for (let length = 0; length < sealed.length; length++) {
    expect(unseal(key, 'a', sealed.subarray(0, length))).toBeUndefined()
  }
})

test('the same text is never sealed the same way twice', () => {
  expect(seal(key, 'a', 'secret').equals(seal(key, 'a', 'secret'))).toBe(false)
})
