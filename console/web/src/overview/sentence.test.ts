import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import {
  HealthStatus,
  InstanceBeliefsSchema,
  type MeshHealth,
  MeshHealthSchema,
} from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import {
  InstanceHealth,
  type InstanceSchema,
  ProxySchema,
} from '@site11/proto/es/site11/console/v1/registry_service_pb.ts'
import i18next from 'i18next'
import { beforeAll, describe, expect, test } from 'vitest'
import { en } from '../i18n/en.ts'
import { ko } from '../i18n/ko.ts'
import { servicesOf } from '../mesh/services.ts'
import { statementOf } from './sentence.ts'

const words = i18next.createInstance()
beforeAll(() =>
  words.init({
    lng: 'en',
    resources: { en: { translation: en }, ko: { translation: ko } },
    contextSeparator: '~',
    interpolation: { escapeValue: false },
  }),
)

const noon = new Date(2026, 0, 5, 12, 3)
const beliefs = (service: string, name: string, init: MessageInitShape<typeof InstanceSchema> = {}) =>
  create(InstanceBeliefsSchema, {
    registered: true,
    agreed: true,
    instance: {
      service,
      instance: name,
      version: '0.1.0',
      health: InstanceHealth.HEALTHY,
      healthSince: timestampFromDate(noon),
      attached: true,
      ...init,
    },
  })
const failing = (healthReason: string, more: MessageInitShape<typeof InstanceSchema> = {}) => ({
  health: InstanceHealth.FAILING,
  healthReason,
  ...more,
})
const noMongo = failing('mongodb: connection refused', {
  dependencies: [{ name: 'mongodb', healthy: false, reason: 'connection refused' }],
})
const proxy = create(ProxySchema, { nodeId: 'envoy-1' })
const drained = { draining: true, drainedBy: 'operator', drainTime: timestampFromDate(noon) }

function said(language: 'en' | 'ko', members: ReturnType<typeof beliefs>[], proxies = [proxy], health?: MeshHealth) {
  const options = { t: words.getFixedT(language), language, now: noon.getTime() + 60_000 }
  const { name, text } = statementOf(servicesOf(members, health), proxies, options)
  return `${name}: ${text.replaceAll(/\s/g, ' ')}`
}

describe('in one sentence', () => {
  const users = beliefs('users', 'users-1')
  test.each([
    [
      'all is well',
      [users, beliefs('console', 'console-1')],
      'healthy: All 2 services healthy',
      'healthy: 서비스 2개가 모두 정상입니다',
    ],
    [
      'what an instance stands on is away',
      [users, beliefs('users', 'users-2', noMongo)],
      'degraded: users: 1 of 2 instances failing since 12:03 PM: MongoDB unreachable',
      'degraded: users: 인스턴스 2개 중 1개가 오후 12:03부터 실패 상태입니다 (MongoDB 연결 불가)',
    ],
    [
      'an instance does not answer',
      [users, beliefs('users', 'users-2', failing('no answer within 2 s'))],
      'degraded: users: 1 of 2 instances failing since 12:03 PM: no answer to the health check',
      'degraded: users: 인스턴스 2개 중 1개가 오후 12:03부터 실패 상태입니다 (상태 확인에 응답 없음)',
    ],
    [
      'everybody is drained',
      [beliefs('users', 'users-1', drained)],
      'failing: users: every instance is drained, so nobody serves.',
      'failing: users: 모든 인스턴스가 제외되어 요청을 처리할 수 없습니다.',
    ],
  ])('%s', (_, members, english, korean) => {
    expect(said('en', members)).toBe(english)
    expect(said('ko', members)).toBe(korean)
  })

  test('many services are named, not told of one by one', () => {
    const members = ['a', 'b', 'c'].map(service => beliefs(service, `${service}-1`, failing('cannot be reached')))
    expect(said('en', members)).toBe('failing: 3 services need attention: a, b, and c.')
  })

  test('that nobody is there is said once', () => {
    const health = create(MeshHealthSchema, {
      services: [{ service: 'orders', status: HealthStatus.FAILING, reason: 'no instance' }],
    })
    expect(said('en', [users], [proxy], health)).toBe('failing: orders: no instance is there.')
    expect(said('ko', [users], [proxy], health)).toBe('failing: orders: 인스턴스가 없습니다.')
  })

  test('without a proxy nothing is well', () => {
    expect(said('en', [users], [])).toContain('failing: No proxy is connected')
  })
})
