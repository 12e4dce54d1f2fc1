import { hash } from '@node-rs/argon2'
import { describe, expect, test } from 'vitest'
import { createPasswords, requireStrong } from './passwords.ts'

const passwords = createPasswords()
const kept = await passwords.hash('four unrelated words')

describe('a password', () => {
  test('is right when it is the same, in whichever form its characters came', async () => {
    expect(await passwords.verify(kept, 'four unrelated words')).toBe(true)
    expect(await passwords.verify(kept, 'four unrelated Words')).toBe(false)
    const korean = await passwords.hash('한글비밀번호'.normalize('NFD'))
    expect(await passwords.verify(korean, '한글비밀번호')).toBe(true)
  })

  test('is kept as argon2id with the parameters of the day', () => {
    expect(kept).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    expect(passwords.isOutdated(kept)).toBe(false)
  })

  test('hashed with less is outdated', async () => {
    expect(passwords.isOutdated(await hash('x', { memoryCost: 8192, timeCost: 2, parallelism: 1 }))).toBe(true)
    expect(passwords.isOutdated(await hash('x', { memoryCost: 19_456, timeCost: 1, parallelism: 1 }))).toBe(true)
  })

  test('of nobody is wrong and takes as long to find so', async () => {
    const timeOf = async (stored: string | undefined) => {
      const started = performance.now()
      for (let round = 0; round < 5; round++) expect(await passwords.verify(stored, 'a guess')).toBe(false)
      return performance.now() - started
    }
    await timeOf(undefined)
    const [known, unknown] = [await timeOf(kept), await timeOf(undefined)]
    expect(unknown / known).toBeGreaterThan(0.3)
    expect(unknown / known).toBeLessThan(3)
  })
})

describe('hashes at the same time', () => {
  test('are bounded, and so is their queue', async () => {
    const small = createPasswords({ concurrency: 1, maxWaiting: 2 })
    let inside = 0
    let most = 0
    const admit = async () => {
      most = Math.max(most, ++inside)
      await new Promise(resolve => setImmediate(resolve))
      inside--
    }
    const outcomes = await Promise.allSettled([1, 2, 3, 4].map(() => small.verify(kept, 'a guess', admit)))
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected'])
    expect(outcomes.at(-1)).toMatchObject({ reason: { details: { reason: 'OVERLOADED' } } })
    expect(most).toBe(1)
    expect(await small.verify(kept, 'four unrelated words')).toBe(true)
  })

  test('give their place on when an attempt is not admitted', async () => {
    const small = createPasswords({ concurrency: 1, maxWaiting: 2 })
    const refused = small.verify(kept, 'x', () => Promise.reject(new Error('no')))
    const next = small.verify(kept, 'four unrelated words')
    await expect(refused).rejects.toThrow('no')
    expect(await next).toBe(true)
  })
})

describe('a new password', () => {
  test.each([
    ['password123', 'ada@example.com'],
    ['PASSWORD1', 'ada@example.com'],
    ['aaaaaaaaaa', 'ada@example.com'],
    ['abababab', 'ada@example.com'],
    ['my-lovelace-1815', 'Lovelace@example.com'],
  ])('is refused when it is %s of %s', (password, email) => {
    expect(() => requireStrong(password, email, 'new_password')).toThrow(
      expect.objectContaining({
        details: expect.objectContaining({
          reason: 'WEAK_PASSWORD',
          violations: [expect.objectContaining({ field: 'new_password' })],
        }),
      }),
    )
  })

  test.each([
    ['correct horse battery staple', 'ada@example.com'],
    ['비밀번호는길수록좋다', 'ada@example.com'],
    ['nevada is a state', 'ada@example.com'],
  ])('may be %s of %s', (password, email) => {
    expect(() => requireStrong(password, email, 'password')).not.toThrow()
  })
})
