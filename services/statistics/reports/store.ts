/**
 * Reports in MongoDB. What is too old goes by itself.
 *
 *   dashboard_reports        as ReportDocument
 *   dashboard_report_files   { _id: <report>/<kind>, report, data, expireTime }
 *   report_schedules         as ScheduleDocument
 */
import { ReportState } from '@site11/proto/grpc/site11/statistics/v1/reports_service.ts'
import type { Log } from '@site11/runtime/log.ts'
import type { Store } from '@site11/runtime/store/connect.ts'
import { ensureIndexes } from '@site11/runtime/store/indexes.ts'
import type { PageTokens } from '@site11/runtime/store/page-token.ts'
import { Binary, type Collection } from 'mongodb'
import { createResources, type Resources, translated } from '../resources.ts'
import type { File, Kind } from './render.ts'
import type { ReportDocument, ScheduleDocument } from './report.ts'

interface FileDocument {
  _id: string
  report: string
  data: Binary
  expireTime: Date
}

export interface ReportStore {
  reports: Resources<ReportDocument>
  schedules: Resources<ScheduleDocument>
  /** @returns the bytes of a file, or undefined when there is none. */
  file(report: string, kind: Kind): Promise<Buffer | undefined>
  /** Keeps files, those that were there before are replaced. */
  putFiles(report: string, files: File[], expireTime: Date): Promise<void>
  removeFiles(report: string): Promise<void>
  collections: { reports: Collection<ReportDocument>; schedules: Collection<ScheduleDocument> }
}

const text = (path: string) => ({ type: 'string', path }) as const
const { REPORT_STATE_QUEUED, REPORT_STATE_RUNNING, REPORT_STATE_DONE, REPORT_STATE_FAILED } = ReportState
const states = {
  QUEUED: REPORT_STATE_QUEUED,
  RUNNING: REPORT_STATE_RUNNING,
  DONE: REPORT_STATE_DONE,
  FAILED: REPORT_STATE_FAILED,
}

export async function createReportStore({ db }: Store, tokens: PageTokens, log: Log): Promise<ReportStore> {
  const collections: ReportStore['collections'] = {
    reports: db.collection<ReportDocument>('dashboard_reports'),
    schedules: db.collection<ScheduleDocument>('report_schedules'),
  }
  const files = db.collection<FileDocument>('dashboard_report_files')
  const order = { path: 'createTime', direction: -1 } as const
  const reports = await createResources(collections.reports, {
    kind: 'report',
    ...{ tokens, log, order, most: 10_000 },
    fields: {
      ...{ dashboard: text('dashboard.id'), schedule: text('schedule'), owner: text('owner') },
      state: { type: 'enum', path: 'state', values: states },
      create_time: { type: 'timestamp', path: 'createTime' },
    },
    indexes: [
      { name: 'by-state', key: { state: 1, createTime: 1 } },
      { name: 'age', key: { expireTime: 1 }, expireAfterSeconds: 0 },
    ],
  })
  const schedules = await createResources(collections.schedules, {
    kind: 'report schedule',
    ...{ tokens, log, order, most: 500, fields: {} },
    indexes: [{ name: 'due', key: { nextTime: 1 } }],
  })
  await ensureIndexes<FileDocument>(
    files,
    [
      { name: 'by-report', key: { report: 1 } },
      { name: 'age', key: { expireTime: 1 }, expireAfterSeconds: 0 },
    ],
    log,
  )
  return {
    ...{ reports, schedules, collections },
    async file(report, kind) {
      const found = await translated(files.findOne({ _id: `${report}/${kind}` }))
      return found ? Buffer.from(found.data.value()) : undefined
    },
    async putFiles(report, made, expireTime) {
      for (const { kind, bytes } of made) {
        const document = { report, data: new Binary(bytes), expireTime }
        await files.replaceOne({ _id: `${report}/${kind}` }, document, { upsert: true })
      }
    },
    removeFiles: async report => void (await translated(files.deleteMany({ report }))),
  }
}
