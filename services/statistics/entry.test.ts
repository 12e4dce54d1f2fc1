import { readFileSync } from 'node:fs'
import { createFileRegistry, fromBinary, fromJson, type JsonObject, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { envoyDescriptors } from '@site11/proto/descriptors'
import { bucketOf } from '@site11/runtime/histogram.ts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { entriesIn } from './entry.ts'
import { recordedOf } from './outcome.ts'
import { createMethodOf } from './rest-paths.ts'

const envoy = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(envoyDescriptors)))
const methodOf = createMethodOf()

/** A message as Envoy encodes it. */
function message(...logEntry: JsonObject[]): Uint8Array {
  const type = envoy.getMessage('envoy.service.accesslog.v3.StreamAccessLogsMessage') ?? expect.fail()
  const identifier = { node: { id: 'edge-1', userAgentName: 'envoy' }, logName: 'edge' }
  return toBinary(type, fromJson(type, { identifier, httpLogs: { logEntry } }, { registry: envoy }))
}

type Change = { common?: JsonObject; request?: JsonObject; response?: JsonObject }

/** A request of GetUser over gRPC that went well, as a real Envoy 1.40 tells of it, with changes. */
const entry = ({ common, request, response }: Change = {}): JsonObject => ({
  commonProperties: {
    downstreamRemoteAddress: { socketAddress: { address: '127.0.0.1', portValue: 46494 } },
    startTime: '2026-11-22T22:19:12.874999Z',
    timeToLastRxByte: '0.000098114s',
    upstreamRemoteAddress: { socketAddress: { address: '127.0.0.1', portValue: 43603 } },
    upstreamCluster: 'users',
    metadata: { filterMetadata: { 'envoy.filters.http.rbac': { enforced_engine_result: 'allowed' } } },
    routeName: 'site11.users.v1.UsersService/GetUser',
    customTags: { version: '0.1.0', instance: 'users-1' },
    duration: '1.250500s',
    streamId: '29e6162c-c20f-4535-95a0-a4449ede2828',
    accessLogType: 'DownstreamEnd',
    ...common,
  },
  protocolVersion: 'HTTP2',
  request: {
    requestMethod: 'POST',
    path: '/site11.users.v1.UsersService/GetUser',
    userAgent: 'grpc',
    requestHeadersBytes: '777',
    ...request,
  },
  response: {
    responseCode: 200,
    responseHeaders: { 'content-type': 'application/grpc+proto' },
    responseTrailers: { 'grpc-status': '0' },
    responseCodeDetails: 'via_upstream',
    ...response,
  },
})

const recorded = (change?: Change) => {
  const [only = expect.fail('no entry')] = entriesIn(message(entry(change)))
  return recordedOf(only, methodOf)
}

const users = 'site11.users.v1.UsersService'
const local = { customTags: {} }
const rest = { originalPath: '/api/v1/users/42?x=1' }
const json = { 'content-type': 'application/json' }

describe('a record of Envoy', () => {
  test('says what was called where, by whom, how, what came of it, when it ended and how long it took', () => {
    const found = recorded() ?? expect.fail()
    expect(found.labels).toEqual(['users', `/${users}/GetUser`, 'users-1', '0.1.0', 'edge', 'grpc', 'OK'])
    expect(found.endMs).toBeCloseTo(Date.parse('2026-11-22T22:19:14.125Z'), -1)
    expect(found.buckets).toEqual([{ bucket: bucketOf(1250.5), count: 1 }])
  })

  const cases: [string, Change, string[]][] = [
    ['REST', { request: rest, response: { responseHeaders: json } }, ['GetUser', 'rest', 'OK']],
    [
      'REST that was refused by the service',
      { request: rest, response: { responseCode: 404, responseHeaders: json, responseTrailers: {} } },
      ['GetUser', 'rest', 'NOT_FOUND'],
    ],
    [
      'REST that could not be done',
      { request: rest, common: local, response: { responseCode: 503, responseTrailers: {} } },
      ['GetUser', 'rest', 'UNAVAILABLE'],
    ],
    [
      'gRPC that failed',
      { response: { responseHeaders: { 'grpc-status': '14' }, responseTrailers: {} } },
      ['GetUser', 'grpc', 'UNAVAILABLE'],
    ],
    [
      'gRPC-Web, which has its status in the body when all went well',
      { response: { responseHeaders: { 'content-type': 'application/grpc-web+proto' }, responseTrailers: {} } },
      ['GetUser', 'grpc-web', 'OK'],
    ],
    [
      'gRPC-Web that failed',
      {
        response: {
          responseHeaders: { 'content-type': 'application/grpc-web-text+proto', 'grpc-status': '5' },
          responseTrailers: {},
        },
      },
      ['GetUser', 'grpc-web', 'NOT_FOUND'],
    ],
    [
      'a caller who is gone before the answer',
      { common: { responseFlags: { downstreamConnectionTermination: true } }, response: { responseCode: 0 } },
      ['GetUser', 'grpc', 'CANCELLED'],
    ],
    [
      'a caller who is gone during the answer',
      { common: { responseFlags: { downstreamRemoteReset: true } }, response: { responseTrailers: {} } },
      ['GetUser', 'grpc', 'CANCELLED'],
    ],
    [
      'REST that the edge refused before it knew the method',
      {
        common: { ...local, routeName: 'rest' },
        request: { path: '/api/v1/users/42?wrong=1', requestMethod: 'GET' },
        response: { responseCode: 400, responseHeaders: json, responseTrailers: {} },
      },
      ['GetUser', 'rest', 'INVALID_ARGUMENT'],
    ],
  ]
  test.each(cases)('of %s', (_, change, [method, protocol, status]) => {
    const { labels } = recorded(change) ?? expect.fail()
    expect([labels[0], labels[1], labels[5], labels[6]]).toEqual(['users', `/${users}/${method}`, protocol, status])
  })

  test('of a request that no method answers to counts as one of the edge', () => {
    const nothing = {
      common: { ...local, routeName: 'rest' },
      request: { path: '/api/v1/nothing', requestMethod: 'GET' },
    }
    const { labels } = recorded({ ...nothing, response: { responseCode: 404, responseHeaders: json } }) ?? expect.fail()
    expect(labels).toEqual(['edge', '', '', '', 'edge', 'rest', 'NOT_FOUND'])
  })

  test('of a stream counts, without how long it took; and that its caller left is no failure', () => {
    const customTags = { stream: 'yes', instance: 'users-1' }
    const left = { customTags, responseFlags: { downstreamRemoteReset: true } }
    const found = recorded({ common: left, response: { responseTrailers: {} } }) ?? expect.fail()
    expect([found.buckets, found.labels[6]]).toEqual([[], 'OK'])
  })

  test.each(['dashboard', 'preflight', 'dashboard-wrong-verb'])('of the route %s does not count', routeName => {
    expect(recorded({ common: { routeName } })).toBeUndefined()
  })

  test('is found among others, and what is cut or no message at all is an error, never a hang', () => {
    const whole = message(entry(), entry({ common: { routeName: 'x/y' } }), entry())
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
