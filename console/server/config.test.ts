import { ConfigError } from '@site11/runtime/config.ts'
import { expect, test } from 'vitest'
import { consoleConfig } from './config.ts'

const good = {
  SITE11_LISTEN: '127.0.0.1:8003',
  SITE11_HTTP_LISTEN: '127.0.0.1:8002',
  SITE11_JOIN_TOKEN: 'a join token for tests',
  SITE11_MONGO_URL: 'mongodb://127.0.0.1/console_db',
  SITE11_SECRET_KEY: Buffer.alloc(32, 7).toString('base64'),
}

test('the rest has defaults', () => {
  const config = consoleConfig(good)
  expect(config).toMatchObject({
    SITE11_INSTANCE: 'console-1',
    SITE11_PORT: 8000,
    SITE11_EDGE_ADDRESS: '127.0.0.1',
    SITE11_CORS_ORIGINS: [],
  })
  expect(config.SITE11_SECRET_KEY).toEqual(Buffer.alloc(32, 7))
  expect(config.SITE11_ADMIN_EMAIL).toBeUndefined()
})

test.each([
  ['SITE11_SECRET_KEY', 'short'],
  ['SITE11_SECRET_KEY', Buffer.alloc(31).toString('base64')],
  ['SITE11_SECRET_KEY', Buffer.alloc(33).toString('base64')],
  ['SITE11_PORT', '70000'],
  ['SITE11_PORT', 'eight'],
  ['SITE11_EDGE_ADDRESS', 'localhost'],
  ['SITE11_HTTP_LISTEN', '8002'],
  ['SITE11_CORS_ORIGINS', 'https://app.example/path'],
  ['SITE11_CORS_ORIGINS', '*'],
  ['SITE11_ADMIN_EMAIL', 'nobody'],
  ['SITE11_ADMIN_EMAIL', `${'a'.repeat(250)}@example.com`],
  ['SITE11_ADMIN_PASSWORD', 'short'],
])('%s=%s stops the start, and the value is not repeated', (name, value) => {
  const error = (() => {
    try {
      consoleConfig({ ...good, [name]: value })
    } catch (error) {
      return error as Error
    }
  })()
  expect(error).toBeInstanceOf(ConfigError)
  expect(error?.message).toContain(name)
  if (name.includes('SECRET') || name.includes('PASSWORD')) expect(error?.message).not.toContain(value)
})

test('all that is missing is named at once', () => {
  expect(() => consoleConfig({})).toThrow(
    /SITE11_LISTEN[\s\S]*SITE11_JOIN_TOKEN[\s\S]*SITE11_MONGO_URL[\s\S]*SITE11_SECRET_KEY/,
  )
})
