import { hash } from '@node-rs/argon2'
import { User } from '@site11/proto/grpc/site11/users/v1/user.ts'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { UserDocument } from './document.ts'
import { because, callBy, consoleService, startUsers, type TestUsers, userCaller } from './test-users.ts'

const call = callBy(consoleService)
const password = 'four unrelated words'
const newPassword = 'another four unrelated words'
const minute = 60_000
let users: TestUsers
beforeAll(async () => {
  users = await startUsers()
})
afterAll(() => users.stop())
beforeEach(() => {
  users.clock.now = new Date()
})

const signIn = (email: string, typed = password, clientAddress = '192.0.2.1') =>
  users.handlers.verifyPassword({ email, password: typed, clientAddress }, call)
const change = (id: string, currentPassword: string) =>
  users.handlers.changePassword({ id, currentPassword, newPassword, clientAddress: '192.0.2.1' }, call)
const reset = (token: string, typed = newPassword) =>
  users.handlers.resetPassword({ token, newPassword: typed }, callBy({ kind: 'anonymous' }))
const pass = (ms: number) => {
  users.clock.now = new Date(users.clock.now.getTime() + ms)
}
/** @returns the tokens mailed to an address. */
const mailedTo = async (email: string) =>
  (await users.mails()).filter(mail => mail.to === email).map(mail => mail.token)
async function resetToken(email: string): Promise<string> {
  await users.handlers.requestPasswordReset({ email }, callBy({ kind: 'anonymous' }))
  return (await mailedTo(email)).at(-1) ?? ''
}

describe('signing in', () => {
  test('gives the state of the user, however the address is typed', async () => {
    const user = await users.create({}, { password })
    const { state } = await signIn(` ${user.email.toUpperCase()}`)
    expect(state).toEqual({ user, maySignIn: true, passwordVersion: 1 })
    expect(await users.handlers.getSignInState({ id: user.id }, call)).toEqual({ state })
  })

  test('fails in the same words for a wrong password, an unknown user, one without password and a deleted one', async () => {
    const [known, without, deleted] = [
      await users.create({}, { password }),
      await users.create(),
      await users.create({}, { password }),
    ]
    await users.handlers.deleteUser({ id: deleted.id, etag: '' }, call)
    const messages = new Set<string>()
    for (const [email, typed] of [
      [known.email, 'wrong'],
      ['nobody@example.com', password],
      [without.email, password],
      [deleted.email, password],
    ] as const) {
      const error = await signIn(email, typed).catch(reason => reason)
      expect(error).toMatchObject({ code: 16, ...because('BAD_CREDENTIALS') })
      messages.add(error.message)
    }
    expect(messages.size).toBe(1)
  })

  test('takes as long for an unknown user as for a known one', async () => {
    const { email } = await users.create({}, { password })
    const timeOf = async (address: string, client: string) => {
      const started = performance.now()
      for (let round = 0; round < 5; round++) await signIn(address, 'wrong', `${client}.${round}`).catch(() => {})
      return performance.now() - started
    }
    await timeOf(email, '198.51.100')
    const [known, unknown] = [await timeOf(email, '192.0.2'), await timeOf('nobody@example.com', '192.0.2')]
    expect(unknown / known).toBeGreaterThan(0.3)
    expect(unknown / known).toBeLessThan(3)
  })

  test('of a disabled user tells why, to who knows the password only', async () => {
    const { id, email } = await users.create({}, { password })
    const until = new Date(users.clock.now.getTime() + minute)
    await users.handlers.disableUser({ id, reason: 'spam', until, etag: '' }, call)
    await expect(signIn(email, 'wrong')).rejects.toMatchObject(because('BAD_CREDENTIALS'))
    await expect(signIn(email)).rejects.toMatchObject({
      code: 7,
      details: { reason: 'ACCOUNT_DISABLED', metadata: { reason: 'spam', until: until.toISOString() } },
    })
    pass(minute)
    await expect(signIn(email)).resolves.toMatchObject({ state: { maySignIn: true } })
  })

  test('is throttled after failures from one address, and not for the owner elsewhere', async () => {
    const { email } = await users.create({}, { password })
    for (let attempt = 0; attempt < 5; attempt++) {
      await expect(signIn(email, 'wrong')).rejects.toMatchObject(because('BAD_CREDENTIALS'))
    }
    await expect(signIn(email)).rejects.toMatchObject({ code: 8, ...because('THROTTLED') })
    await expect(signIn(email, password, '198.51.100.7')).resolves.toMatchObject({ state: { maySignIn: true } })
    pass(1001)
    await expect(signIn(email)).resolves.toMatchObject({ state: { maySignIn: true } })
  })

  test('lets few of many guesses at once through', async () => {
    const { email } = await users.create({}, { password })
    const guesses = await Promise.allSettled(Array.from({ length: 40 }, (_, guess) => signIn(email, `guess ${guess}`)))
    const reasons = guesses.map(guess => guess.status === 'rejected' && guess.reason.details.reason)
    expect(reasons.filter(reason => reason === 'BAD_CREDENTIALS').length).toBeLessThan(10)
    expect(reasons.filter(reason => reason === 'THROTTLED').length).toBeGreaterThan(30)
  })
})

test('a hash of weaker days is replaced at the next sign-in, which changes nothing else', async () => {
  const { id, email } = await users.create({}, { password })
  const documents = users.store.db.collection<UserDocument>('users')
  const weak = await hash(password, { memoryCost: 8192, timeCost: 1, parallelism: 1 })
  await documents.updateOne({ _id: id }, { $set: { passwordHash: weak } })
  const before = await signIn(email)
  const kept = await documents.findOne({ _id: id })
  expect(kept?.passwordHash).toContain('m=19456,t=2')
  expect(await signIn(email)).toEqual(before)
})

describe('a changed password', () => {
  test('is the one that counts, and makes the version new', async () => {
    const { id, email } = await users.create({}, { password })
    const { state } = await change(id, password)
    expect(state).toMatchObject({ maySignIn: true, passwordVersion: 2 })
    await expect(signIn(email)).rejects.toMatchObject(because('BAD_CREDENTIALS'))
    await expect(signIn(email, newPassword)).resolves.toMatchObject({ state: { passwordVersion: 2 } })
  })

  test('needs the one before, and strength', async () => {
    const { id, email } = await users.create({}, { password })
    await expect(change(id, 'wrong')).rejects.toMatchObject(because('BAD_CREDENTIALS'))
    const weak = { id, currentPassword: password, newPassword: `${email}!`, clientAddress: '' }
    await expect(users.handlers.changePassword(weak, call)).rejects.toMatchObject(
      because('WEAK_PASSWORD', 'new_password'),
    )
    await expect(signIn(email)).resolves.toBeDefined()
  })

  test('is one of two changed at once', async () => {
    const { id } = await users.create({}, { password })
    const settled = await Promise.allSettled([change(id, password), change(id, password)])
    expect(settled.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
  })
})

describe('a link for a new password', () => {
  test('works once, ends the old password and counts as a change', async () => {
    const { id, email } = await users.create({}, { password })
    const token = await resetToken(email)
    await reset(token)
    await expect(signIn(email)).rejects.toMatchObject(because('BAD_CREDENTIALS'))
    await expect(signIn(email, newPassword)).resolves.toMatchObject({ state: { passwordVersion: 2 } })
    await expect(reset(token)).rejects.toMatchObject(because('LINK_INVALID', 'token'))
    expect((await users.handlers.getUser({ id }, call)).user?.emailVerified).toBe(true)
  })

  test('works for one of many at once', async () => {
    const { email } = await users.create({}, { password })
    const token = await resetToken(email)
    const settled = await Promise.allSettled(Array.from({ length: 6 }, () => reset(token)))
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  test('survives a password that is too weak', async () => {
    const { email } = await users.create({}, { password })
    const token = await resetToken(email)
    await expect(reset(token, 'password123')).rejects.toMatchObject(because('WEAK_PASSWORD', 'new_password'))
    await expect(reset(token)).resolves.toEqual({})
  })

  test('ends after an hour', async () => {
    const { email } = await users.create({}, { password })
    const token = await resetToken(email)
    pass(60 * minute)
    await expect(reset(token)).rejects.toMatchObject(because('LINK_INVALID'))
  })

  test('ends with a newer one, of which there is one a minute', async () => {
    const { email } = await users.create({}, { password })
    const first = await resetToken(email)
    expect(await resetToken(email)).toBe(first)
    expect(await mailedTo(email)).toHaveLength(1)
    pass(minute)
    const second = await resetToken(email)
    expect(second).not.toBe(first)
    await expect(reset(first)).rejects.toMatchObject(because('LINK_INVALID'))
    await expect(reset(second)).resolves.toEqual({})
  })

  test('ends with the address it was mailed to, with a changed password and with the account', async () => {
    const [moved, changed, deleted] = [
      await users.create({}, { password }),
      await users.create({}, { password }),
      await users.create({}, { password }),
    ]
    const tokens = [await resetToken(moved.email), await resetToken(changed.email), await resetToken(deleted.email)]
    const user = User.fromPartial({ id: moved.id, email: 'moved@example.com' })
    await users.handlers.updateUser({ user, updateMask: undefined }, call)
    await change(changed.id, password)
    await users.handlers.deleteUser({ id: deleted.id, etag: '' }, call)
    for (const token of tokens) await expect(reset(token)).rejects.toMatchObject(because('LINK_INVALID'))
  })

  test('is mailed to nobody when nobody has the address, with the same answer', async () => {
    const anybody = callBy({ kind: 'anonymous' })
    expect(await users.handlers.requestPasswordReset({ email: 'nobody@example.com' }, anybody)).toEqual({})
    expect(await mailedTo('nobody@example.com')).toEqual([])
  })

  test('does not verify an address', async () => {
    const { email } = await users.create({}, { password })
    const token = await resetToken(email)
    await expect(users.handlers.verifyEmail({ token }, call)).rejects.toMatchObject(because('LINK_INVALID'))
  })
})

describe('a link to verify an address', () => {
  test('verifies it once', async () => {
    const { id, email } = await users.create()
    const mine = callBy(userCaller(id))
    await users.handlers.requestEmailVerification({}, mine)
    await expect(users.handlers.requestEmailVerification({}, mine)).rejects.toMatchObject(because('THROTTLED'))
    const [token = ''] = await mailedTo(email)
    await users.handlers.verifyEmail({ token }, call)
    expect((await users.handlers.getMe({}, mine)).user?.emailVerified).toBe(true)
    await expect(users.handlers.verifyEmail({ token }, call)).rejects.toMatchObject(because('LINK_INVALID'))
    await expect(users.handlers.requestEmailVerification({}, mine)).rejects.toMatchObject(because('WRONG_STATE'))
  })

  test('does not verify the address that the user has changed to since', async () => {
    const { id, email } = await users.create()
    await users.handlers.requestEmailVerification({}, callBy(userCaller(id)))
    const user = User.fromPartial({ id, email: 'changed-since@example.com' })
    await users.handlers.updateUser({ user, updateMask: undefined }, call)
    const [token = ''] = await mailedTo(email)
    await expect(users.handlers.verifyEmail({ token }, call)).rejects.toMatchObject(because('LINK_INVALID'))
  })
})
