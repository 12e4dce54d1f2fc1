import { expect, test } from 'vitest'
import { visibleSettings } from './visible-settings.ts'

test('what is not known to be harmless is a secret, and so is a harmless one that holds one', () => {
  const settings = visibleSettings({
    SITE11_PORT: '8000',
    SITE11_NEW_THING: 'who knows',
    SITE11_JOIN_TOKEN: 'x',
    SITE11_PUBLIC_URL: 'https://user:password@example.com',
    SITE11_TLS_KEY: '-----BEGIN PRIVATE KEY-----',
    AWS_SECRET_ACCESS_KEY: 'x',
    UNSET: undefined,
  })
  expect(settings).toEqual([
    { name: 'AWS_SECRET_ACCESS_KEY', value: '', secret: true },
    { name: 'SITE11_JOIN_TOKEN', value: '', secret: true },
    { name: 'SITE11_NEW_THING', value: '', secret: true },
    { name: 'SITE11_PORT', value: '8000', secret: false },
    { name: 'SITE11_PUBLIC_URL', value: '', secret: true },
    { name: 'SITE11_TLS_KEY', value: '', secret: true },
  ])
})
