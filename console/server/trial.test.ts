import { expect, test } from 'vitest'
import type { KnownService } from './registry/registry.ts'
import { contractInForce, hashOf, suspects, verdictOn } from './trial.ts'

const [one, two] = [Buffer.from('one'), Buffer.from('two')]
const known = (contract: Uint8Array, accepted?: Uint8Array, refused?: Uint8Array): KnownService => ({
  contractHash: hashOf(contract),
  contractTime: new Date(0),
  emptySinceMs: undefined,
  acceptedHash: accepted && hashOf(accepted),
  refused: refused && { contractHash: hashOf(refused), reason: 'no' },
})
const nobody: ReadonlySet<string> = new Set()

test.each([
  ['the newest', known(two, one), nobody, two],
  ['the accepted one while the newest is refused', known(two, one, two), nobody, one],
  ['the newest when an older one was refused', known(two, undefined, one), nobody, two],
  ['none when the only one is refused', known(two, undefined, two), nobody, undefined],
  ['the accepted one while the newest waits', known(two, one), new Set(['users']), one],
])('proxies are given %s', (_, service, waiting, expected) => {
  expect(contractInForce('users', service, waiting)).toBe(expected && hashOf(expected))
})

test('suspect is what is in force and was not accepted', () => {
  const services = new Map([
    ['same', known(one, one)],
    ['newer', known(two, one)],
    ['new', known(one)],
    ['refused', known(two, one, two)],
    ['waits', known(two, one)],
  ])
  expect(suspects(services, new Set(['waits']))).toEqual(['new', 'newer'])
})

test.each([
  ['nobody is blamed when no contract is new', { a: known(one, one) }, { a: one }, { kind: 'none' }],
  [
    'the only new contract is at fault',
    { a: known(one, one), b: known(two, one) },
    { a: one, b: two },
    { kind: 'guilty', service: 'b', contractHash: hashOf(two) },
  ],
  [
    'of several, all but the first wait',
    { a: known(two, one), b: known(two), c: known(two, one) },
    { a: two, b: two, c: two },
    { kind: 'unclear', wait: ['b', 'c'] },
  ],
  [
    'a refusal of what is replaced by now blames nobody',
    { a: known(two, one), b: known(two, one, two) },
    { a: two, b: two },
    { kind: 'none' },
  ],
])('%s', (_, services, refused, expected) => {
  expect(verdictOn(new Map(Object.entries(refused)), new Map(Object.entries(services)), nobody)).toEqual(expected)
})
