import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { User } from '@site11/proto/grpc/site11/users/v1/user.ts'
import { createLog } from '@site11/runtime/log.ts'
import { afterAll, describe, expect, test } from 'vitest'
import { composeLink, createMail } from './mail.ts'
import { newUser } from './user.ts'

const log = createLog('test', 'silent')
const folder = await mkdtemp(join(tmpdir(), 'site11-test-mail-'))
afterAll(() => rm(folder, { recursive: true }))

const user = newUser(User.fromPartial({ email: 'kim@example.com', displayName: '김철수' }), 'id-1', new Date())
const link = 'http://localhost:8000/reset-password#token=abc_DEF-123'
const from = 'Site11 <no-reply@example.com>'

/** An SMTP server that takes everything. @returns its URL and what it was sent. */
async function smtpServer(answerToMail = '250 ok') {
  const received: string[] = []
  const server = createServer(socket => {
    let inData = false
    socket.setEncoding('utf8').write('220 test\r\n')
    socket.on('error', () => {})
    socket.on('data', text => {
      received.push(String(text))
      for (const line of String(text).split('\r\n').slice(0, -1)) {
        if (inData && line !== '.') continue
        if (line === 'DATA') socket.write('354 go\r\n')
        else if (line.startsWith('MAIL')) socket.write(`${answerToMail}\r\n`)
        else if (line === 'QUIT') socket.end('221 bye\r\n')
        else socket.write('250 ok\r\n')
        inData = line === 'DATA'
      }
    })
  }).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return { url: `smtp://127.0.0.1:${address.port}`, received, close: () => server.close() }
}

const fromQuotedPrintable = (text: string) => text.replaceAll('=\r\n', '').replaceAll('=3D', '=')

describe('a mail', () => {
  test('becomes a file for its owner only when there is no SMTP server', async () => {
    const mail = createMail({ smtpUrl: undefined, from, folder: join(folder, 'a', 'mail'), log })
    mail.sendLink('reset', user, () => link)
    await mail.close()
    const [name = ''] = await readdir(join(folder, 'a', 'mail'))
    const path = join(folder, 'a', 'mail', name)
    expect(name).toMatch(/\.eml$/)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    const text = await readFile(path, 'utf8')
    expect(text).toContain('To: ')
    expect(text).toContain('<kim@example.com>')
    expect(text).toContain(link)
  })

  test('goes to the SMTP server when there is one', async () => {
    const server = await smtpServer()
    const mail = createMail({ smtpUrl: server.url, from, folder: join(folder, 'b'), log })
    mail.sendLink('verification', user, () => link)
    await mail.close()
    const sent = fromQuotedPrintable(server.received.join(''))
    expect(sent).toContain('MAIL FROM:<no-reply@example.com>')
    expect(sent).toContain('RCPT TO:<kim@example.com>')
    expect(sent).toContain(link)
    await expect(readdir(join(folder, 'b'))).rejects.toMatchObject({ code: 'ENOENT' })
    server.close()
  })

  test('that cannot be sent harms nobody', async () => {
    const server = await smtpServer('550 no')
    const mail = createMail({ smtpUrl: server.url, from, folder, log })
    mail.sendLink('reset', user, () => link)
    mail.sendLink('reset', user, () => Promise.reject(new Error('no link')))
    await expect(mail.close()).resolves.toBeUndefined()
    server.close()
  })

  test('without a link is none', async () => {
    const mail = createMail({ smtpUrl: undefined, from, folder: join(folder, 'c'), log })
    mail.sendLink('reset', user, () => undefined)
    await mail.close()
    await expect(readdir(join(folder, 'c'))).rejects.toMatchObject({ code: 'ENOENT' })
  })
})

test.each([
  ['ko-KR', /비밀번호/],
  ['ko', /비밀번호/],
  ['en-GB', /password/],
  ['kok', /password/],
  ['', /password/],
])('a reader with the locale "%s" is written to in the right language', (locale, words) => {
  const { subject, text } = composeLink('reset', locale, link)
  expect(subject).toMatch(words)
  expect(text).toContain(link)
})
