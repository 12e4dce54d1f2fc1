import { expect, test } from 'vitest'
import { usersConfig } from './config.ts'

const env = {
  SITE11_INSTANCE: 'users-1',
  SITE11_LISTEN: '127.0.0.1:0',
  SITE11_CONSOLE: '127.0.0.1:8003',
  SITE11_JOIN_TOKEN: 'a secret of sixteen or more',
  SITE11_MONGO_URL: 'mongodb://127.0.0.1/users_db',
  SITE11_REDIS_URL: 'redis://127.0.0.1',
}

test('mail has defaults', () => {
  const config = usersConfig(env)
  expect(config.SITE11_SMTP_URL).toBeUndefined()
  expect(config.SITE11_MAIL_FROM).toContain('@')
})

test.each([
  ['SITE11_SMTP_URL', 'mail.example.com'],
  ['SITE11_SMTP_URL', 'http://mail.example.com'],
  ['SITE11_MAIL_FROM', 'nobody'],
  ['SITE11_MAIL_FROM', 'A <a@b.co>\r\nBcc: x@y.z'],
])('%s is refused as %s', (name, value) => {
  expect(() => usersConfig({ ...env, [name]: value })).toThrow(name)
})

test.each(['a@example.com', 'Site11 <a@example.com>'])('the sender may be %s', from => {
  expect(usersConfig({ ...env, SITE11_MAIL_FROM: from }).SITE11_MAIL_FROM).toBe(from)
})
