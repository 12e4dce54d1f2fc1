/** Rules on a real MongoDB, and webhooks on a real server. */
import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import {
  AlertDeliveryState,
  AlertRule,
  AlertState,
  Comparison,
  ListAlertDeliveriesRequest,
  ListAlertsRequest,
  type ThresholdCondition,
} from '@site11/proto/grpc/site11/statistics/v1/alerts_service.ts'
import { AlertFired } from '@site11/proto/grpc/site11/statistics/v1/events.ts'
import { eventBytes, readEvent } from '@site11/runtime/events/event.ts'
import { createLog } from '@site11/runtime/log.ts'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { durationOf } from '../resources.ts'
import { callBy, startBoards, type TestBoards } from '../test-boards.ts'
import type { AlertDocument } from './alert.ts'
import { ensureDefaultRules } from './defaults.ts'
import { retriesMs } from './deliver.ts'
import { notOpened, sealSecret, sealWebhooks, secretOf } from './secret.ts'
import { signatureOf } from './webhook.ts'

let boards: TestBoards
const me = callBy('me')
const { ALERT_STATE_FIRING: firing, ALERT_STATE_RESOLVED: resolved, ALERT_STATE_PENDING: pending } = AlertState
const { ALERT_DELIVERY_STATE_WAITING: waiting, ALERT_DELIVERY_STATE_DELIVERED: delivered } = AlertDeliveryState

/** What the webhook was told, and what it answers. */
const received: { headers: IncomingMessage['headers']; body: string }[] = []
let answers: number[] = []
const server = createServer(async (request, response) => {
  received.push({ headers: request.headers, body: await text(request) })
  response.writeHead(answers.shift() ?? 204, { location: 'http://127.0.0.1:1/' }).end()
})
let url = ''

beforeAll(async () => {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`
  boards = await startBoards()
})
beforeEach(async () => {
  await boards.clear()
  received.length = 0
  answers = []
})
afterAll(async () => {
  server.closeAllConnections()
  server.close()
  await boards.stop()
})

const condition: { $case: 'threshold'; value: ThresholdCondition } = {
  $case: 'threshold',
  value: {
    query: { metric: 'errors', filter: '', aggregation: 1, groupBy: ['service'], dividedBy: undefined },
    window: durationOf(60_000),
    comparison: Comparison.COMPARISON_ABOVE,
    value: 30,
  },
}

async function makeRule(change: object = {}): Promise<AlertRule> {
  const alertRule = AlertRule.fromPartial({
    title: 'Errors',
    condition,
    interval: durationOf(10_000),
    ...change,
  } as never)
  const { alertRule: made } = await boards.alertMethods.createAlertRule({ alertRule, requestId: '' }, me)
  return made ?? expect.fail()
}
async function makeWebhook() {
  const { alertWebhook, secret } = await boards.alertMethods.createAlertWebhook(
    {
      alertWebhook: {
        id: '',
        title: 'Hook',
        url,
        paused: false,
        createTime: undefined,
        updateTime: undefined,
        etag: '',
      },
    },
    me,
  )
  return { id: alertWebhook?.id ?? expect.fail(), secret: secret.replace('whsec_', '') }
}
const errors = (value: number, service = 'users') => ({
  metric: 'errors',
  labels: [service],
  fromS: 60,
  untilS: 0,
  value,
})
const alerts = async () =>
  (
    await boards.alertMethods.listAlerts(
      ListAlertsRequest.fromPartial({ filter: 'change_time > "2000-01-01T00:00:00Z"' }),
      me,
    )
  ).alerts
const deliveries = async () =>
  (await boards.alertMethods.listAlertDeliveries(ListAlertDeliveriesRequest.fromPartial({}), me)).alertDeliveries
async function look(...figures: ReturnType<typeof errors>[]) {
  boards.clock.figures = figures
  await boards.evaluate()
  boards.pass(10)
}

describe('a rule', () => {
  test('has an alert for each group, which fires, is resolved, and is told of by event and webhook, signed', async () => {
    const webhook = await makeWebhook()
    const rule = await makeRule({ webhooks: [webhook.id], hold: durationOf(10_000), labels: { team: 'core' } })
    await look(errors(1), errors(0.1, 'images'))
    expect(await alerts()).toMatchObject([{ state: pending, labels: { service: 'users', team: 'core' }, value: 60 }])
    await look(errors(1), errors(0.1, 'images'))
    expect(await alerts()).toMatchObject([{ state: firing, rule: rule.id }])
    const { alertRule } = await boards.alertMethods.getAlertRule({ id: rule.id }, me)
    expect(alertRule).toMatchObject({ state: firing, firing: 1, pending: 0, evaluationError: '' })
    await boards.deliver()
    await look(errors(0.1), errors(0.1, 'images'))
    expect(await alerts()).toMatchObject([{ state: resolved, value: 60 }])
    await boards.deliver()

    const [fired, ended] = received
    expect(JSON.parse(fired?.body ?? '')).toMatchObject({
      type: 'alert.fired',
      data: { rule: rule.id, severity: 'warning', labels: { service: 'users', team: 'core' }, value: 60 },
    })
    expect(JSON.parse(ended?.body ?? '')).toMatchObject({ type: 'alert.resolved' })
    const id = String(fired?.headers['webhook-id'])
    const timestamp = Number(fired?.headers['webhook-timestamp'])
    const signature = signatureOf({ id, secret: webhook.secret, body: fired?.body ?? '' }, timestamp)
    expect(fired?.headers['webhook-signature']).toBe(signature)

    const [kept] = await boards.db.collection<AlertDocument>('alerts').find().toArray()
    const outbox = kept?.outbox ?? []
    expect(outbox.map(({ type }) => type.split('.').at(-1))).toEqual(['AlertFired', 'AlertResolved'])
    const { data } = readEvent(eventBytes(outbox[0] ?? expect.fail(), 'statistics', 'alerts', kept?._id ?? ''))
    expect(AlertFired.decode(data)).toMatchObject({ rule: rule.id, labels: { service: 'users', team: 'core' } })
    expect(boards.written).toHaveLength(2)
    const { alertChanges } = await boards.alertMethods.listAlertChanges(ListAlertsRequest.fromPartial({}), me)
    expect(alertChanges.map(({ from, to }) => [from, to])).toEqual([
      [firing, resolved],
      [pending, firing],
      [1, pending],
    ])
  })

  test('goes on after a restart where it was', async () => {
    await makeRule({ hold: durationOf(10_000) })
    await look(errors(1))
    // Nothing of it is in memory: this is what another process would do.
    await look(errors(1))
    expect(await alerts()).toMatchObject([{ state: firing }])
  })

  test('fires once when two look at the same time', async () => {
    const webhook = await makeWebhook()
    await makeRule({ webhooks: [webhook.id] })
    boards.clock.figures = [errors(1)]
    await Promise.all([boards.evaluate(), boards.evaluate(), boards.evaluate()])
    expect(await deliveries()).toHaveLength(1)
    expect(await boards.db.collection('alert_changes').countDocuments()).toBe(1)
  })

  test('that cannot look says why, and its alerts stay as they are', async () => {
    const rule = await makeRule()
    await look(errors(1))
    await look()
    expect((await boards.alertMethods.getAlertRule({ id: rule.id }, me)).alertRule).toMatchObject({
      evaluationError: expect.stringContaining('errors'),
      firing: 1,
    })
    expect(await alerts()).toMatchObject([{ state: firing }])
    await look(errors(1))
    expect((await boards.alertMethods.getAlertRule({ id: rule.id }, me)).alertRule?.evaluationError).toBe('')
  })

  test.each<[string, (rule: AlertRule) => Promise<unknown>]>([
    ['deleted', ({ id }) => boards.alertMethods.deleteAlertRule({ id, etag: '' }, me)],
    [
      'paused',
      rule => boards.alertMethods.updateAlertRule({ alertRule: { ...rule, paused: true }, updateMask: ['paused'] }, me),
    ],
    [
      'changed to look at something else',
      rule => {
        const changed = { ...condition, value: { ...condition.value, value: 1000 } }
        return boards.alertMethods.updateAlertRule(
          { alertRule: { ...rule, condition: changed }, updateMask: ['threshold'] },
          me,
        )
      },
    ],
  ])('that is %s resolves its alerts', async (_, change) => {
    const rule = await makeRule()
    await look(errors(1))
    expect(await alerts()).toMatchObject([{ state: firing }])
    await change(rule)
    await look(errors(1))
    expect(await alerts()).toMatchObject([{ state: resolved }])
  })

  test('of absence takes a time when nobody looked for no absence', async () => {
    const absence = { query: { ...condition.value.query, groupBy: ['service'] }, window: durationOf(300_000) }
    await makeRule({ condition: { $case: 'absence', value: absence } })
    await look(errors(1))
    boards.pass(1200)
    for (let looks = 0; looks < 30; looks++) await look({ ...errors(1), fromS: 2000, untilS: 1200 })
    expect(await alerts()).toEqual([])
    await look({ ...errors(1), fromS: 2000, untilS: 1200 })
    expect(await alerts()).toMatchObject([{ state: firing }])
  })

  test('is changed only as it was seen, and only to what is right', async () => {
    const { id, etag } = await makeRule()
    const update = (alertRule: object, updateMask: string[]) =>
      boards.alertMethods.updateAlertRule(
        { alertRule: AlertRule.fromPartial({ id, etag, ...alertRule }), updateMask },
        me,
      )
    expect((await update({ title: 'Other', etag: '' }, ['title'])).alertRule?.title).toBe('Other')
    await expect(update({ title: 'Third' }, ['title'])).rejects.toMatchObject({ details: { reason: 'ETAG_MISMATCH' } })
    await expect(update({ title: ' ', etag: '' }, ['title'])).rejects.toMatchObject({
      details: { reason: 'INVALID_FIELD' },
    })
    await expect(update({ etag: '' }, ['state'])).rejects.toMatchObject({ details: { reason: 'INVALID_FIELD' } })
  })
})

describe('a silence', () => {
  const silence = (label: string, value: string) =>
    boards.alertMethods.createAlertSilence(
      {
        alertSilence: {
          ...{ id: '', matchers: [{ label, value }], reason: 'known', owner: '', createTime: undefined, active: false },
          until: new Date(boards.clock.now.getTime() + 3_600_000),
        },
      },
      me,
    )

  test('keeps webhooks from being told, and what still fires is told of when it ends', async () => {
    const webhook = await makeWebhook()
    await makeRule({ webhooks: [webhook.id] })
    const { alertSilence } = await silence('service', 'us*')
    await look(errors(1), errors(1, 'images'))
    expect(await alerts()).toHaveLength(2)
    expect(await deliveries()).toHaveLength(1)
    expect((await alerts()).find(({ labels }) => labels.service === 'users')?.silence).toBe(alertSilence?.id)
    await boards.alertMethods.endAlertSilence({ id: alertSilence?.id ?? '' }, me)
    await look(errors(1), errors(1, 'images'))
    expect(await deliveries()).toHaveLength(2)
  })

  test('of what was never told, the end is not told either', async () => {
    const webhook = await makeWebhook()
    await makeRule({ webhooks: [webhook.id] })
    await silence('severity', 'warning')
    await look(errors(1))
    await look(errors(0))
    expect(await alerts()).toMatchObject([{ state: resolved }])
    expect(await deliveries()).toEqual([])
  })
})

describe('a webhook', () => {
  test('is told again later when it was in vain, what came first first, until it takes it', async () => {
    const webhook = await makeWebhook()
    await makeRule({ webhooks: [webhook.id] })
    answers = [500, 302]
    await look(errors(1))
    await boards.deliver()
    expect(await deliveries()).toMatchObject([{ state: waiting, attempts: 1, httpStatus: 500 }])
    await look(errors(0))
    boards.pass((retriesMs[0] ?? 0) / 1000)
    await boards.deliver()
    // That it is resolved waits until it is told that it fired.
    expect(received.map(({ body }) => JSON.parse(body).type)).toEqual(['alert.fired', 'alert.fired'])
    boards.pass((retriesMs[1] ?? 0) / 1000)
    await boards.deliver()
    expect(received.map(({ body }) => JSON.parse(body).type).slice(2)).toEqual(['alert.fired', 'alert.resolved'])
    expect((await deliveries()).map(({ state }) => state)).toEqual([delivered, delivered])
    expect(new Set(received.slice(0, 3).map(({ headers }) => headers['webhook-id'])).size).toBe(1)
  })

  test('that never takes it is given up, with the reason', async () => {
    const webhook = await makeWebhook()
    await makeRule({ webhooks: [webhook.id] })
    answers = Array.from({ length: 20 }, () => 503)
    await look(errors(1))
    for (let attempt = 0; attempt <= retriesMs.length + 1; attempt++) {
      await boards.deliver()
      boards.pass(6 * 3600 + 1)
    }
    expect(received).toHaveLength(retriesMs.length + 1)
    expect(await deliveries()).toMatchObject([{ state: 3, attempts: 8, httpStatus: 503 }])
  })

  test('can be tried, and is refused where it must not lead', async () => {
    const { id } = await makeWebhook()
    expect((await boards.alertMethods.testAlertWebhook({ id }, me)).alertDelivery).toMatchObject({ state: delivered })
    expect(JSON.parse(received[0]?.body ?? '')).toMatchObject({ type: 'test' })
    for (const wrong of ['http://10.0.0.1/', 'https://169.254.169.254/latest', 'http://example.com/']) {
      const alertWebhook = {
        id,
        title: 'Hook',
        url: wrong,
        paused: false,
        createTime: undefined,
        updateTime: undefined,
        etag: '',
      }
      const update = boards.alertMethods.updateAlertWebhook({ alertWebhook, updateMask: ['url'] }, me)
      await expect(update).rejects.toMatchObject({ details: { reason: 'INVALID_FIELD' } })
    }
    // Who writes into the database gets no further.
    await boards.alerts.collections.webhooks.updateOne({ _id: id }, { $set: { url: 'https://10.0.0.1/' } })
    expect((await boards.alertMethods.testAlertWebhook({ id }, me)).alertDelivery).toMatchObject({
      state: 3,
      httpStatus: 0,
    })
  })
})

describe('the secret of a webhook', () => {
  const log = createLog('test', 'silent')
  const kept = async (id: string) => (await boards.alerts.collections.webhooks.findOne({ _id: id })) ?? expect.fail()
  /** Whether the last message was signed with a secret. */
  const isSignedWith = (secret: string) => {
    const { headers, body } = received.at(-1) ?? expect.fail()
    const id = String(headers['webhook-id'])
    return headers['webhook-signature'] === signatureOf({ id, secret, body }, Number(headers['webhook-timestamp']))
  }

  test('is sealed in the database, and opens for that webhook only', async () => {
    const [one, two] = [await makeWebhook(), await makeWebhook()]
    const document = await kept(one.id)
    expect(JSON.stringify(document)).not.toContain(one.secret)
    expect(secretOf(boards.key, document)).toBe(one.secret)
    expect(secretOf(boards.key, { ...document, _id: two.id })).toBeUndefined()
  })

  test('that an older version has kept as it is signs the same, and is sealed at the start', async () => {
    const { id, secret } = await makeWebhook()
    await boards.alerts.collections.webhooks.updateOne({ _id: id }, { $set: { secret }, $unset: { sealed: 1 } })
    await boards.alertMethods.testAlertWebhook({ id }, me)
    expect(isSignedWith(secret)).toBe(true)
    for (let start = 0; start < 2; start++) {
      await sealWebhooks(boards.alerts.collections.webhooks, boards.key, log)
      const document = await kept(id)
      expect([JSON.stringify(document).includes(secret), secretOf(boards.key, document)]).toEqual([false, secret])
    }
    await boards.alertMethods.testAlertWebhook({ id }, me)
    expect(isSignedWith(secret)).toBe(true)
  })

  test('waits, with what is to be told, for the key that it was sealed with', async () => {
    const webhook = await makeWebhook()
    await makeRule({ webhooks: [webhook.id] })
    await look(errors(1))
    const other = randomBytes(32)
    await sealWebhooks(boards.alerts.collections.webhooks, other, log)
    await boards.deliver(other)
    expect([received, await deliveries()]).toMatchObject([[], [{ state: waiting, attempts: 1, error: notOpened }]])
    boards.pass((retriesMs[0] ?? 0) / 1000)
    await boards.deliver()
    expect(await deliveries()).toMatchObject([{ state: delivered }])
    expect(isSignedWith(webhook.secret)).toBe(true)
  })

  test('cannot be tried with another key, which is said', async () => {
    const { id, secret } = await makeWebhook()
    const sealed = sealSecret(randomBytes(32), id, secret)
    await boards.alerts.collections.webhooks.updateOne({ _id: id }, { $set: { sealed } })
    const { alertDelivery } = await boards.alertMethods.testAlertWebhook({ id }, me)
    expect([received, alertDelivery]).toMatchObject([[], { state: 3, httpStatus: 0, error: notOpened }])
  })
})

test('the rules of the platform are there once: one that was deleted does not come back', async () => {
  await ensureDefaultRules(boards.alerts, boards.clock.now)
  const count = () => boards.alerts.collections.rules.countDocuments()
  const before = await count()
  expect(before).toBe(5)
  await boards.alertMethods.deleteAlertRule({ id: 'error-rate', etag: '' }, me)
  await ensureDefaultRules(boards.alerts, boards.clock.now)
  expect(await count()).toBe(before - 1)
})

test('a new platform tells of dead letters, by stream and group, until there are none', async () => {
  await ensureDefaultRules(boards.alerts, boards.clock.now)
  const letters = (group: string, value: number) => ({
    ...{ metric: 'site11.events.group.dead_letters', labels: ['users', group] },
    ...{ fromS: 60, untilS: 0, value },
  })
  const found = async (...figures: ReturnType<typeof letters>[]) => {
    await look(...figures)
    boards.pass(60)
    return (await alerts()).filter(({ rule }) => rule === 'dead-letters')
  }
  expect(await found(letters('console', 0), letters('statistics', 2))).toMatchObject([
    { state: firing, labels: { stream: 'users', group: 'statistics' } },
  ])
  expect(await found(letters('console', 0), letters('statistics', 0))).toMatchObject([{ state: resolved }])
})
