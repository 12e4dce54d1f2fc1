import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Peer, peerFrom, prefixOf, spiffeIdOf } from './spiffe.ts'

const service = fc.stringMatching(/^[a-z][a-z0-9_]{0,31}$/).filter(name => name !== 'console')
const instance = fc.stringMatching(/^[a-z][a-z0-9-]{0,62}$/)
const peer = fc.oneof(
  fc.record({ service, instance }),
  instance.map(name => ({ service: 'console', instance: name })),
  fc.string({ minLength: 1 }).map(text => ({ proxy: text.toWellFormed() })),
)

test('an id is read as it was written, and begins as those of its service do', () => {
  fc.assert(
    fc.property(peer, (given: Peer) => {
      const id = spiffeIdOf(given)
      expect(peerFrom(`URI:${id}`)).toEqual(given)
      if ('service' in given) expect(id.startsWith(prefixOf(given.service))).toBe(true)
    }),
  )
})

test.each([
  undefined,
  '',
  'DNS:users',
  'URI:https://site11/service/users/users-1',
  'URI:spiffe://elsewhere/service/users/users-1',
  'URI:spiffe://site11/service/users',
  'URI:spiffe://site11/service/users/users-1/more',
  'URI:spiffe://site11/service/console/console-1',
  'URI:spiffe://site11/console/console-1/more',
  'URI:spiffe://site11/other/users-1',
  'URI:spiffe://site11/service/users/users-1, URI:spiffe://site11/console/console-1',
  'URI:"spiffe://site11/console/console-1\\u002c x"',
])('%s is nobody', names => expect(peerFrom(names)).toBeUndefined())
