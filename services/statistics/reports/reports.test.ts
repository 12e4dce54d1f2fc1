/** Reports on a real MongoDB, made in a real thread. */
import { Dashboard, type Panel, PanelKind } from '@site11/proto/grpc/site11/statistics/v1/dashboards_service.ts'
import {
  CreateReportRequest,
  ReportFormat,
  ReportFrequency,
  ReportSchedule,
  ReportState,
} from '@site11/proto/grpc/site11/statistics/v1/reports_service.ts'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { callBy, startBoards, type TestBoards } from '../test-boards.ts'
import type { Content } from './content.ts'
import { cell, csvOf } from './csv.ts'
import { htmlOf } from './html.ts'
import { makeWaiting } from './runner.ts'
import { pdfText } from './test-pdf.ts'

let boards: TestBoards
const me = callBy('me')
beforeAll(async () => {
  boards = await startBoards()
})
beforeEach(async () => {
  await boards.clear()
  boards.clock.figures = [
    { metric: 'requests', labels: ['users'], fromS: 3600, untilS: 0, value: 2 },
    { metric: 'requests', labels: ['=HYPERLINK("x")'], fromS: 3600, untilS: 0, value: 1 },
  ]
})
afterAll(() => boards.stop())

const panel = (id: string, title: string, kind: PanelKind, y: number): Panel => ({
  ...{ id, title, kind, description: '', unit: '', thresholds: [], stacked: false },
  position: { x: 0, y, width: 12, height: 4 },
  queries: [
    { label: '', metric: 'requests', groupBy: ['service'], filter: '', aggregation: 1, top: 0, compare: undefined },
  ],
})

async function makeDashboard(): Promise<string> {
  const panels = [
    panel('a', '서비스별 요청', PanelKind.PANEL_KIND_LINE, 0),
    panel('b', '합계', PanelKind.PANEL_KIND_TABLE, 4),
    panel('c', '막대', PanelKind.PANEL_KIND_BAR, 8),
    panel('d', '숫자', PanelKind.PANEL_KIND_NUMBER, 12),
  ]
  const dashboard = Dashboard.fromPartial({ title: '플랫폼 현황', description: '<script>', panels } as never)
  return (
    (await boards.dashboardMethods.createDashboard({ dashboard, requestId: '' }, me)).dashboard?.id ?? expect.fail()
  )
}
async function askFor(change: Partial<CreateReportRequest> = {}) {
  const dashboard = change.dashboard ?? (await makeDashboard())
  const request = CreateReportRequest.fromPartial({
    language: 'ko',
    timeZone: 'Asia/Seoul',
    ...change,
    dashboard,
  } as never)
  return (await boards.reportMethods.createReport(request, me)).report ?? expect.fail()
}
const report = async (id: string) => (await boards.reportMethods.getReport({ id }, me)).report
const { REPORT_STATE_DONE: done, REPORT_STATE_FAILED: failed, REPORT_STATE_RUNNING: running } = ReportState

describe('a report', () => {
  test('is made as CSV, HTML and PDF, with charts and Korean, and can be downloaded', async () => {
    const { id } = await askFor()
    await boards.makeWaiting()
    const made = await report(id)
    expect(made).toMatchObject({ state: done, title: '플랫폼 현황', failure: '' })
    expect(made?.files.map(({ file }) => file)).toEqual(['report.csv', 'report.html', 'report.pdf'])
    const headers = new Map<string, string>()
    const download = async (file: string) =>
      (await boards.reportMethods.downloadReport({ id, file }, callBy('me', headers))).body ?? expect.fail()

    const csv = (await download('report.csv')).data.toString()
    expect(csv.startsWith('\ufeff패널,쿼리,계열,시각,값,단위\r\n')).toBe(true)
    expect(csv).toContain('서비스별 요청,requests,users,')
    expect(csv).toContain(`"'=HYPERLINK(""x"")"`)

    const html = (await download('report.html')).data.toString()
    expect(html).toContain('<html lang="ko">')
    expect(html.match(/<svg/g)).toHaveLength(2)
    expect(html).not.toMatch(/<script|https?:\/\/(?!www\.w3\.org)/)

    const { data, contentType } = await download('report.pdf')
    expect(contentType).toBe('application/pdf')
    expect(data.subarray(0, 5).toString()).toBe('%PDF-')
    const text = pdfText(data)
    for (const word of ['플랫폼 현황', '서비스별 요청', '합계', 'users', '2026-11-23 09:00', '쪽'])
      expect(text).toContain(word)
    expect(headers.get('content-disposition')).toContain("filename*=UTF-8''%ED%94%8C")
  })

  test('that cannot be made says why', async () => {
    boards.clock.figures = []
    const { id } = await askFor()
    await boards.makeWaiting()
    expect(await report(id)).toMatchObject({
      state: failed,
      failureReason: 'NOT_FOUND',
      failure: expect.stringContaining('requests'),
    })
    const download = boards.reportMethods.downloadReport({ id, file: 'report.pdf' }, me)
    await expect(download).rejects.toMatchObject({ details: { reason: 'WRONG_STATE' } })
  })

  test('that a killed process has begun is made by who takes over, and given up when each of them is killed', async () => {
    const { id } = await askFor({ formats: [ReportFormat.REPORT_FORMAT_CSV] })
    const { reports } = boards.reports.collections
    await reports.updateOne({ _id: id }, { $set: { state: running, runner: 'killed', attempts: 1 } })
    await makeWaiting(boards.runner('b'))
    expect(await report(id)).toMatchObject({ state: done })
    await reports.updateOne({ _id: id }, { $set: { state: running, runner: 'killed', attempts: 3 } })
    await makeWaiting(boards.runner('c'))
    expect(await report(id)).toMatchObject({ state: failed, failureReason: 'INTERNAL' })
  })

  test('that is deleted while it is made leaves no files', async () => {
    const { id } = await askFor({ formats: [ReportFormat.REPORT_FORMAT_CSV] })
    const making = boards.makeWaiting()
    await boards.reportMethods.deleteReport({ id }, me)
    await making
    expect(await boards.db.collection('dashboard_report_files').countDocuments({ report: id })).toBe(0)
  })

  test('of what is private is seen by nobody else', async () => {
    const { id } = await askFor()
    await expect(boards.reportMethods.getReport({ id }, callBy('other'))).rejects.toMatchObject({
      details: { reason: 'NOT_FOUND' },
    })
    const dashboard = (await boards.reports.collections.reports.findOne({ _id: id }))?.dashboard.id ?? expect.fail()
    const request = CreateReportRequest.fromPartial({ dashboard })
    await expect(boards.reportMethods.createReport(request, callBy('other'))).rejects.toMatchObject({
      details: { reason: 'NOT_FOUND' },
    })
  })

  test.each<[string, object]>([
    ['no time zone', { timeZone: 'Mars/Base' }],
    ['an end before its begin', { startTime: new Date('2027-01-01') }],
    ['a variable that there is not', { variables: { a: 'b' } }],
  ])('is refused with %s', async (_, change) => {
    await expect(askFor(change)).rejects.toMatchObject({ details: { reason: 'INVALID_FIELD' } })
  })
})

describe('a schedule', () => {
  test('asks for a report of the day before; what it has missed it makes up for once', async () => {
    const reportSchedule = ReportSchedule.fromPartial({
      ...{ dashboard: 'platform', frequency: ReportFrequency.REPORT_FREQUENCY_DAILY, timeZone: 'Asia/Seoul' },
    })
    const { reportSchedule: made } = await boards.reportMethods.createReportSchedule(
      { reportSchedule, requestId: '' },
      me,
    )
    const id = made?.id ?? expect.fail()
    expect(made?.nextTime).toEqual(new Date('2026-11-23T21:00:00Z'))
    await boards.askForDue()
    const all = () => boards.reports.collections.reports.find().toArray()
    expect(await all()).toEqual([])
    boards.pass(5 * 86_400)
    await Promise.all([boards.askForDue(), boards.askForDue()])
    expect(await all()).toMatchObject([{ schedule: id, endTime: new Date('2026-11-27T15:00:00Z'), owner: 'me' }])
    const after = (await boards.reportMethods.getReportSchedule({ id }, me)).reportSchedule
    expect(after).toMatchObject({ nextTime: new Date('2026-11-28T21:00:00Z'), failure: '' })
    expect(after?.lastReport).toMatch(/^[0-9a-f-]{36}$/)
  })

  test('of a dashboard that is gone says so', async () => {
    const dashboard = await makeDashboard()
    const reportSchedule = ReportSchedule.fromPartial({ dashboard, frequency: ReportFrequency.REPORT_FREQUENCY_DAILY })
    const { reportSchedule: made } = await boards.reportMethods.createReportSchedule(
      { reportSchedule, requestId: '' },
      me,
    )
    await boards.dashboardMethods.deleteDashboard({ id: dashboard, etag: '' }, me)
    boards.pass(86_400)
    await boards.askForDue()
    const { reportSchedule: after } = await boards.reportMethods.getReportSchedule({ id: made?.id ?? '' }, me)
    expect(after?.failure).toContain(dashboard)
  })
})

test.each([
  ['=1+1', "'=1+1"],
  ['+1', "'+1"],
  ['-1', "'-1"],
  ['@a', "'@a"],
  ['  =1', "'  =1"],
  ['\t1', "'\t1"],
  ['＝1', "'＝1"],
  ['a=1', 'a=1'],
  ['a,"b"', '"a,""b"""'],
  ['a\nb', '"a\nb"'],
])('the text %j is %j in CSV', (text, written) => {
  expect(cell(text)).toBe(written)
})

test('a report of nothing is one all the same', () => {
  const content: Content = {
    ...{ title: '', description: '', language: 'en', timeZone: 'UTC', startMs: 0, endMs: 1000, madeMs: 1000 },
    ...{ variables: [], panels: [] },
  }
  expect(csvOf(content).trim()).toBe('\ufeffpanel,query,series,time,value,unit'.trim())
  expect(htmlOf(content)).toContain('<html lang="en">')
})
