import type { AccessLogField } from '@site11/runtime/access-log.ts'
import { bucketOf } from '@site11/runtime/histogram.ts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { entriesIn } from './entry.ts'
import { recordedOf } from './outcome.ts'
import { createMethodOf } from './rest-paths.ts'
import { messageOf } from './test-records.ts'

const methodOf = createMethodOf()

type Change = Partial<Record<AccessLogField, string>>

/** A request of GetUser over gRPC that went well, as a real Envoy 1.40 tells of it, with changes. */
const entry = (change?: Change) => ({
  startMs: Date.parse('2026-11-22T22:19:12.875Z'),
  fields: {
    httpStatus: '200',
    trailerStatus: '0',
    durationUs: '1250500',
    durationMs: '1250',
    route: 'site11.users.v1.UsersService/GetUser',
    instance: 'users-1',
    version: '0.1.0',
    flags: '-',
    verb: 'POST',
    path: '/site11.users.v1.UsersService/GetUser',
    contentType: 'application/grpc+proto',
    ...change,
  },
})

const recorded = (change?: Change) => {
  const [only = expect.fail('no entry')] = entriesIn(messageOf([entry(change)]))
  return recordedOf(only, methodOf)
}

const users = 'site11.users.v1.UsersService'
const rest = { restPath: '/api/v1/users/42', contentType: 'application/json' }
/** What was answered by the edge itself. */
const local = { instance: '-', version: '-', trailerStatus: '-' }

describe('a record of a proxy', () => {
  test('says what was called where, by whom, how, what came of it, when it ended and how long it took', () => {
    const found = recorded() ?? expect.fail()
    expect(found.labels).toEqual(['users', `/${users}/GetUser`, 'users-1', '0.1.0', 'edge', 'grpc', 'OK'])
    expect(found.endMs).toBeCloseTo(Date.parse('2026-11-22T22:19:14.125Z'), -1)
    expect(found.buckets).toEqual([{ bucket: bucketOf(1250.5), count: 1 }])
  })

  const cases: [string, Change, string[]][] = [
    ['REST', rest, ['GetUser', 'rest', 'OK']],
    [
      'REST that was refused by the service',
      { ...rest, httpStatus: '404', trailerStatus: '-' },
      ['GetUser', 'rest', 'NOT_FOUND'],
    ],
    ['REST that could not be done', { ...rest, ...local, httpStatus: '503' }, ['GetUser', 'rest', 'UNAVAILABLE']],
    ['gRPC that failed', { headerStatus: '14', trailerStatus: '-' }, ['GetUser', 'grpc', 'UNAVAILABLE']],
    [
      'gRPC-Web, which has its status in the body when all went well',
      { contentType: 'application/grpc-web+proto', trailerStatus: '-' },
      ['GetUser', 'grpc-web', 'OK'],
    ],
    [
      'gRPC-Web that failed',
      { contentType: 'application/grpc-web-text+proto', headerStatus: '5', trailerStatus: '-' },
      ['GetUser', 'grpc-web', 'NOT_FOUND'],
    ],
    [
      'a caller who is gone before the answer',
      { flags: 'DC', httpStatus: '0', durationUs: '-', contentType: '-' },
      ['GetUser', 'grpc', 'CANCELLED'],
    ],
    ['a caller who is gone during the answer', { flags: 'UT,DR' }, ['GetUser', 'grpc', 'CANCELLED']],
    [
      'REST that the edge refused before it knew the method',
      { ...local, route: 'rest', path: '/api/v1/users/42', verb: 'GET', httpStatus: '400' },
      ['GetUser', 'rest', 'INVALID_ARGUMENT'],
    ],
  ]
  test.each(cases)('of %s', (_, change, [method, protocol, status]) => {
    const { labels } = recorded(change) ?? expect.fail()
    expect([labels[0], labels[1], labels[5], labels[6]]).toEqual(['users', `/${users}/${method}`, protocol, status])
  })

  test('of one that had no last byte has its time in whole ms', () => {
    expect(recorded({ flags: 'DC', durationUs: '-' })?.buckets).toEqual([{ bucket: bucketOf(1250), count: 1 }])
  })

  test('of a request that no method answers to counts as one of the edge', () => {
    const nothing = { ...local, route: 'rest', path: '/api/v1/nothing', verb: 'GET', httpStatus: '404' }
    const { labels } = recorded({ ...nothing, contentType: 'application/json' }) ?? expect.fail()
    expect(labels).toEqual(['edge', '', '', '', 'edge', 'rest', 'NOT_FOUND'])
  })

  test('of a stream counts, without how long it took; and that its caller left is no failure', () => {
    const found = recorded({ stream: 'yes', flags: 'DR', trailerStatus: '-' }) ?? expect.fail()
    expect([found.buckets, found.labels[6]]).toEqual([[], 'OK'])
  })

  test.each(['dashboard', 'preflight', 'dashboard-wrong-verb', '-'])('of the route %s does not count', route => {
    expect(recorded({ route })).toBeUndefined()
  })

  test('is found among others, and what is cut or no message at all is an error, never a hang', () => {
    const whole = messageOf([entry(), entry({ route: 'x/y' }), entry()])
    expect(entriesIn(whole).map(({ route }) => route.split('/')[1])).toEqual(['GetUser', 'y', 'GetUser'])
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.uint8Array({ maxLength: 30 }), (at, rubbish) => {
        const bytes = Buffer.concat([whole.subarray(0, at), rubbish])
        try {
          for (const each of entriesIn(bytes)) recordedOf(each, methodOf)
        } catch (error) {
          expect(error).toBeInstanceOf(Error)
        }
      }),
    )
  })

  test('with any text in its fields is read or refused, and what its caller sends moves no other field', () => {
    fc.assert(
      fc.property(fc.string(), contentType => {
        const [found] = entriesIn(messageOf([entry({ contentType })]))
        expect(found).toMatchObject({
          route: 'site11.users.v1.UsersService/GetUser',
          instance: 'users-1',
          grpcStatus: 0,
        })
      }),
    )
  })
})

describe('the method of a REST path', () => {
  test.each([
    ['GET', '/api/v1/users/42', 'GetUser'],
    ['GET', '/api/v1/users', 'ListUsers'],
    ['GET', '/api/v1/users:watch', 'WatchUsers'],
    ['DELETE', '/api/v1/users/42', 'DeleteUser'],
  ])('%s %s is %s', (verb, path, method) => {
    expect(methodOf(verb, path)).toBe(`${users}/${method}`)
  })

  test('is none for paths that no method is bound to', () => {
    expect(methodOf('GET', '/api/v1/users/42/and/more')).toBeUndefined()
    expect(methodOf('DELETE', '/api/v1/users')).toBeUndefined()
  })
})
