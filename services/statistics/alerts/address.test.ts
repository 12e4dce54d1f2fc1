import { describe, expect, test } from 'vitest'
import { addressesOf, hostProblem, networksOf } from './address.ts'

const none = networksOf([])
const loopback = networksOf(['127.0.0.0/8', '::1/128'])

describe('without leave of the operator', () => {
  test.each([
    '127.0.0.1',
    '10.0.0.1',
    '172.16.3.4',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
    '224.0.0.1',
    '255.255.255.255',
    '::1',
    '::',
    'fe80::1',
    'fd00::1',
    '::ffff:127.0.0.1',
    '::ffff:10.0.0.1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    'not an address',
  ])('%s is refused', address => {
    expect(none.allow(address)).toBe(false)
  })
  test.each(['93.184.216.34', '2606:4700::1111'])('%s is allowed', address => {
    expect(none.allow(address)).toBe(true)
  })
  test('a name is refused that leads to such an address', async () => {
    await expect(addressesOf('localhost', none)).rejects.toThrow(/not public/)
    expect(await addressesOf('localhost', loopback)).not.toEqual([])
  })
})

test.each<[url: string, isRight: boolean]>([
  ['https://example.com/hook', true],
  ['https://example.com:8443/hook?a=b', true],
  ['http://127.0.0.1:4000/', true],
  ['http://localhost:4000/', true],
  ['http://[::1]:4000/', true],
  ['http://example.com/', false],
  ['http://10.0.0.1/', false],
  ['https://10.0.0.1/', false],
  ['https://0x0a000001/', false],
  ['https://2130706434/', true],
  ['https://user:word@example.com/', false],
  ['ftp://example.com/', false],
  ['file:///etc/passwd', false],
  ['example.com', false],
  ['', false],
])('with leave for loopback addresses, %s is right: %s', (url, isRight) => {
  expect(hostProblem(url, loopback) === undefined).toBe(isRight)
})

test('a range that is none is named', () => {
  expect(() => networksOf(['10.0.0.0/8', 'intranet'])).toThrow(/intranet/)
})
