/** One-time links by mail. With no SMTP server configured, mails are files in the state folder. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { admin, login, newEmail, password, register } from './accounts.ts'
import { apiOver, mesh, refusalOf, transports } from './api.ts'
import { until } from './until.ts'

const folder = join(mesh.home, 'mail')

/** @returns the mails to an address, oldest first, as files. */
function mailsTo(email: string): string[] {
  const files = readdirSync(folder)
    .filter(name => name.endsWith('.eml'))
    .map(name => join(folder, name))
  return files
    .filter(file => readFileSync(file, 'utf8').includes(email))
    .sort((a, b) => statSync(a).mtimeMs - statSync(b).mtimeMs)
}

/** @returns the token of the link that was mailed to an address. */
async function tokenMailedTo(email: string, page: 'reset-password' | 'verify-email'): Promise<string> {
  return until(`a mail with a link to ${page}`, () => {
    for (const file of mailsTo(email)) {
      const found = new RegExp(`${mesh.url}/${page}#token=([\\w-]+)`).exec(textOf(readFileSync(file, 'utf8')))
      if (found?.[1]) return found[1]
    }
    return undefined
  })
}

/** @returns the text of a mail of one part, whichever way it is written down. */
function textOf(eml: string): string {
  const [head = '', ...body] = eml.split(/\r?\n\r?\n/)
  const text = body.join('\n\n')
  const encoding = /^content-transfer-encoding: *(\S+)/im.exec(head)?.[1]?.toLowerCase()
  if (encoding === 'base64') return Buffer.from(text, 'base64').toString('utf8')
  if (encoding !== 'quoted-printable') return text
  const byte = (_: string, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))
  return Buffer.from(text.replace(/=\r?\n/g, '').replace(/=([0-9A-F]{2})/g, byte), 'latin1').toString('utf8')
}

describe.each(transports)('over %s', transport => {
  const api = apiOver(transport)

  test('a forgotten password is replaced by a mailed link, once, and every session ends', async () => {
    const { email, session } = await register()
    await api.users.requestPasswordReset({ email })
    const token = await tokenMailedTo(email, 'reset-password')
    const weak = await refusalOf(api.users.resetPassword({ token, newPassword: 'short' }))
    expect(weak).toMatchObject({ code: 'InvalidArgument', fields: ['new_password'] })
    await api.users.resetPassword({ token, newPassword: 'another long password' })
    expect(await refusalOf(api.auth.login({ email, password }))).toMatchObject({ reason: 'BAD_CREDENTIALS' })
    await login({ email, password: 'another long password' })
    const again = await refusalOf(api.users.resetPassword({ token, newPassword: 'yet another password' }))
    expect(again.reason).toBe('LINK_INVALID')
    expect(await refusalOf(api.auth.refresh({ refreshToken: session.refreshToken }))).toMatchObject({
      code: 'Unauthenticated',
      reason: 'SESSION_ENDED',
    })
  })

  test('an address is shown to be its owner’s by a mailed link, once', async () => {
    const { email, session } = await register()
    const own = apiOver(transport, async () => session.accessToken)
    await own.users.requestEmailVerification({})
    const token = await tokenMailedTo(email, 'verify-email')
    await api.users.verifyEmail({ token })
    expect((await own.users.getMe({})).user).toMatchObject({ emailVerified: true })
    expect((await refusalOf(api.users.verifyEmail({ token }))).reason).toBe('LINK_INVALID')
  })

  test('a changed address has to be verified anew', async () => {
    const { email, session } = await register()
    await apiOver(transport, async () => session.accessToken).users.requestEmailVerification({})
    await api.users.verifyEmail({ token: await tokenMailedTo(email, 'verify-email') })
    const asAdmin = apiOver(transport, admin)
    const { user } = await asAdmin.users.updateUser({ user: { id: session.userId, email: newEmail() } })
    expect(user).toMatchObject({ emailVerified: false })
  })

  test('a reset for an address that nobody has is answered alike, and nothing is mailed', async () => {
    const known = await register()
    const unknown = newEmail()
    const answer = await api.users.requestPasswordReset({ email: unknown })
    expect(answer).toEqual(await api.users.requestPasswordReset({ email: known.email }))
    await tokenMailedTo(known.email, 'reset-password')
    expect(mailsTo(unknown)).toEqual([])
  })
})

test('mails are for the operator alone to read', async () => {
  const { email } = await register()
  await apiOver('REST').users.requestPasswordReset({ email })
  await tokenMailedTo(email, 'reset-password')
  for (const file of mailsTo(email)) expect(statSync(file).mode & 0o077).toBe(0)
})
