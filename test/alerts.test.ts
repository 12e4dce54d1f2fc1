/** Dashboards, alerts and reports as their users have them: over REST, on what the mesh measures of itself. */
import { createHmac } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { pdfText } from '../services/statistics/reports/test-pdf.ts'
import { admin, register } from './accounts.ts'
import { mesh } from './api.ts'
import { send } from './http.ts'
import { until } from './until.ts'

interface Received {
  headers: NodeJS.Dict<string | string[]>
  body: string
}

const received: Received[] = []
let answers: number[] = []
const receiver = createServer(async (request, response) => {
  received.push({ headers: request.headers, body: await text(request) })
  response.writeHead(answers.shift() ?? 204).end()
})
let hook = ''
beforeAll(async () => {
  await new Promise<void>(resolve => receiver.listen(0, '127.0.0.1', resolve))
  hook = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/alerts`
})
afterAll(() => {
  receiver.closeAllConnections()
  receiver.close()
})

type Json = Record<string, never> & Record<string, unknown>

async function call(
  method: string,
  path: string,
  body?: object,
  token = admin,
): Promise<{ status: number; body: Json }> {
  const answer = await send(mesh.url, `/api/v1/${path}`, { method, token: await token(), ...(body && { body }) })
  return { status: answer.status, body: answer.json() as Json }
}
/** @returns a part of the answer. */
async function ok<T = Json>(method: string, path: string, part: string, body?: object): Promise<T> {
  const { status, body: answer } = await call(method, path, body)
  expect([status, answer]).toEqual([200, expect.anything()])
  return answer[part] as T
}

const panel = {
  ...{ id: 'requests', title: '요청 수', kind: 'PANEL_KIND_LINE', position: { width: 12, height: 6 } },
  queries: [{ metric: 'requests', groupBy: ['service'], aggregation: 'AGGREGATION_SUM', top: 5 }],
}

test('a dashboard is made, changed as it was seen, exported, imported, and seen by its owner only', async () => {
  const made = await ok('POST', 'dashboards', 'dashboard', { dashboard: { title: 'A', panels: [panel] } })
  const path = `dashboards/${made.id}`
  const changed = await ok('PATCH', path, 'dashboard', { title: 'B', etag: made.etag })
  expect((await call('PATCH', path, { title: 'C', etag: made.etag })).status).toBe(409)
  const document = await ok<object>('GET', `${path}:export`, 'document')
  expect(document).toMatchObject({ format: 'site11.dashboard', version: 1, title: 'B', panels: [{ id: 'requests' }] })
  const copy = await ok('POST', 'dashboards:import', 'dashboard', { document })
  expect(copy).toMatchObject({ title: changed.title, panels: changed.panels })
  const wrong = await call('POST', 'dashboards:import', {
    document: { ...document, panels: [{ ...panel, kind: 'PIE' }] },
  })
  expect([wrong.status, JSON.stringify(wrong.body)]).toEqual([400, expect.stringContaining('document.panels[0].kind')])
  const other = await register()
  const asOther = await call('GET', path, undefined, async () => other.session.accessToken)
  expect(asOther.status).toBe(403)
  for (const { id } of [made, copy]) expect((await call('DELETE', `dashboards/${id}`)).status).toBe(200)
  expect((await call('GET', path)).status).toBe(404)
})

test('a rule fires on real requests, tells a webhook until it takes it, and is resolved', async () => {
  answers = [503]
  const { alertWebhook, secret } = (await call('POST', 'alertWebhooks', { alertWebhook: { title: 'Test', url: hook } }))
    .body as unknown as { alertWebhook: { id: string }; secret: string }
  const query = {
    ...{ metric: 'requests', aggregation: 'AGGREGATION_SUM', groupBy: ['method'] },
    filter: 'method = "/site11.statistics.v1.DashboardsService/GetDashboard"',
  }
  const rule = await ok('POST', 'alertRules', 'alertRule', {
    alertRule: {
      ...{ title: 'Many look', interval: '5s', severity: 'ALERT_SEVERITY_INFO', webhooks: [alertWebhook.id] },
      threshold: { query, window: '60s', comparison: 'COMPARISON_ABOVE', value: 5 },
    },
  })
  for (let count = 0; count < 20; count++) await call('GET', 'dashboards/platform')
  await until('the webhook was told, and told again', () => received.length >= 2)
  const [first, again] = received
  expect(again?.body).toBe(first?.body)
  expect(JSON.parse(again?.body ?? '')).toMatchObject({
    type: 'alert.fired',
    data: { rule: rule.id, labels: { method: '/site11.statistics.v1.DashboardsService/GetDashboard' } },
  })
  const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature } = again?.headers ?? {}
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64')
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.${again?.body}`).digest('base64')
  expect(signature).toBe(`v1,${expected}`)
  const filter = encodeURIComponent(`rule = "${rule.id}"`)
  const alerts = await ok<Json[]>('GET', `alerts?filter=${filter}`, 'alerts')
  expect(alerts).toMatchObject([{ rule: rule.id, state: 'ALERT_STATE_FIRING' }])
  const delivery = (await ok<Json[]>('GET', `alertDeliveries?filter=${filter}`, 'alertDeliveries'))[0]
  expect(delivery).toMatchObject({ attempts: 2, state: 'ALERT_DELIVERY_STATE_DELIVERED', httpStatus: 204 })
  const streams = await ok<Json[]>('GET', 'events/streams', 'streams')
  expect(streams.map(({ stream }) => stream)).toContain('statistics')

  expect((await call('DELETE', `alertRules/${rule.id}`)).status).toBe(200)
  await until('the webhook was told of the end', () => received.length >= 3)
  expect(JSON.parse(received[2]?.body ?? '')).toMatchObject({ type: 'alert.resolved' })
  expect((await call('DELETE', `alertWebhooks/${alertWebhook.id}`)).status).toBe(200)
})

test('a webhook must not lead to where only the mesh should reach', async () => {
  for (const url of ['http://169.254.169.254/latest/', 'https://10.0.0.1/', 'http://example.com/']) {
    const { status, body } = await call('POST', 'alertWebhooks', { alertWebhook: { title: 'Test', url } })
    expect([status, JSON.stringify(body)]).toEqual([400, expect.stringContaining('alert_webhook.url')])
  }
})

test('a report is made as CSV, HTML and PDF, and downloaded', async () => {
  const dashboard = await ok('POST', 'dashboards', 'dashboard', { dashboard: { title: '일일 보고', panels: [panel] } })
  const request = { dashboard: dashboard.id, language: 'ko', timeZone: 'Asia/Seoul' }
  const { id } = await ok('POST', 'reports', 'report', request)
  const report = await until('the report is made', async () => {
    const found = await ok('GET', `reports/${id}`, 'report')
    return found.state === 'REPORT_STATE_DONE' || found.state === 'REPORT_STATE_FAILED' ? found : false
  })
  expect(report).toMatchObject({ state: 'REPORT_STATE_DONE' })
  const download = async (file: string) =>
    send(mesh.url, `/api/v1/reports/${id}/files/${file}`, { token: await admin() })
  const csv = await download('report.csv')
  expect([csv.status, csv.headers['content-type']]).toEqual([200, 'text/csv; charset=utf-8'])
  expect(csv.text).toContain('요청 수,requests,statistics,')
  const html = await download('report.html')
  expect([html.headers['content-type'], html.text]).toEqual([
    'text/html; charset=utf-8',
    expect.stringContaining('<svg'),
  ])
  const pdf = await download('report.pdf')
  expect(pdf.headers['content-type']).toBe('application/pdf')
  expect(pdf.headers['content-disposition']).toContain("filename*=UTF-8''%EC%9D%BC")
  expect(pdfText(pdf.bytes)).toContain('일일 보고')
  expect((await call('DELETE', `reports/${id}`)).status).toBe(200)
  expect((await download('report.pdf')).status).toBe(404)
  expect((await call('DELETE', `dashboards/${dashboard.id}`)).status).toBe(200)
})
