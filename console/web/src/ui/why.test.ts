import i18next, { type TFunction } from 'i18next'
import { beforeAll, expect, test } from 'vitest'
import { en } from '../i18n/en.ts'
import { ko } from '../i18n/ko.ts'
import { detailText, isOwnWork, properName, reasonText, whyText } from './why.ts'

let t: Record<'en' | 'ko', TFunction>
beforeAll(async () => {
  const own = i18next.createInstance()
  const resources = { en: { translation: en }, ko: { translation: ko } }
  await own.init({ resources, contextSeparator: '~', interpolation: { escapeValue: false } })
  t = { en: own.getFixedT('en'), ko: own.getFixedT('ko') }
})

test.each([
  ['cannot be reached', ko.mesh.reason.unreachable],
  ['no answer within 2 s', ko.mesh.reason.noAnswer],
  ['does not implement grpc.health.v1', ko.mesh.reason.noHealthCheck],
  ['shows a certificate that is not its own, or not valid', ko.mesh.reason.certificate],
  ['every instance is drained', ko.mesh.reason.allDrained],
  ['1 of 3 not healthy', ko.mesh.reason.someIll.replace('{{ill}}', '1').replace('{{total}}', '3')],
  ['has not taken its configuration for 12 s', ko.mesh.reason.lags.replace('{{seconds}}', '12')],
  ['events of users wait in their outboxes: no connection to Redis', ko.mesh.reason.noRedis],
])('what the Console says is said in Korean: %s', (said, korean) => {
  expect(detailText(said, t.ko)).toBe(korean)
})

test('what is not known stands in quotes on a Korean page, and as it is on an English one and where a person wrote it', () => {
  const text = 'connect ECONNREFUSED 127.0.0.1:6379'
  expect(detailText(text, t.ko)).toBe(ko.mesh.reason.quoted.replace('{{text}}', text))
  expect(detailText(text, t.en)).toBe(text)
  expect(reasonText(text, t.ko)).toBe(text)
  expect(detailText('', t.ko)).toBe('')
})

test('each of several dependencies is named as people write it', () => {
  const said = 'mongodb: no answer within 2 s; events: events of users cannot be received: no connection to Redis'
  const answer = reasonText(said, t.en)
  expect(answer).toContain('MongoDB')
  expect(answer).toContain(en.mesh.reason.noRedis)
  expect(whyText({ key: 'dependency', values: { name: 'events', reason: 'x' } }, t.en)).toBe(
    en.mesh.work.events.behind.replace('{{reason}}', 'x'),
  )
})

test('work of a service itself is no store', () => {
  expect(['events', 'rollups', 'mongodb', 'redis'].map(isOwnWork)).toEqual([true, true, false, false])
  expect(properName('events', t.en)).toBe(en.mesh.work.events.name)
})
