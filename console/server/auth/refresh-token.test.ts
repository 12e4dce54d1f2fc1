import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hashOf, newFamily, newSecret, parseRefreshToken, textOf } from './refresh-token.ts'

const token = () => ({ sessionId: randomUUID(), family: newFamily(), secret: newSecret() })

test('a token is read as it was written, and fits the contract', () => {
  const made = token()
  expect(parseRefreshToken(textOf(made))).toEqual(made)
  expect(textOf(made).length).toBeLessThanOrEqual(200)
})

test('nothing else is a token', () => {
  const text = textOf(token())
  for (const wrong of ['', '..', text.slice(1), `${text}x`, `${text}\n`, text.toUpperCase(), text.replace('.', '')]) {
    expect(parseRefreshToken(wrong)).toBeUndefined()
  }
  fc.assert(fc.property(fc.string(), wrong => parseRefreshToken(wrong) === undefined))
})

test('what is stored does not give the token away', () => {
  const { secret } = token()
  expect(hashOf(secret)).toHaveLength(43)
  expect(hashOf(secret)).not.toBe(secret)
})
