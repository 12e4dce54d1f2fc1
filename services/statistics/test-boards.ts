/** Dashboards, alerts and reports on a real MongoDB, with a clock that stands still and figures that a test says. */
import { randomBytes } from 'node:crypto'
import { Metadata } from '@grpc/grpc-js'
import type { Call } from '@site11/runtime/call.ts'
import { createLog } from '@site11/runtime/log.ts'
import { connectStore } from '@site11/runtime/store/connect.ts'
import { createPageTokens } from '@site11/runtime/store/page-token.ts'
import { mongodForTests } from '@site11/runtime/store/test-mongod.ts'
import { v7 as newId } from 'uuid'
import { networksOf } from './alerts/address.ts'
import { deliverDue } from './alerts/deliver.ts'
import { evaluateDue } from './alerts/evaluator.ts'
import { alertsService } from './alerts/service.ts'
import { createAlertStore } from './alerts/store.ts'
import { dashboardsService } from './dashboards/service.ts'
import { createDashboardStore } from './dashboards/store.ts'
import { askForDue, makeWaiting, type RunnerDeps } from './reports/runner.ts'
import { reportsService } from './reports/service.ts'
import { createReportStore } from './reports/store.ts'
import { type Figure, queryOf } from './test-figures.ts'

const log = createLog('test', 'silent')
/** Nothing is cut off. */
const never = new AbortController().signal

/** @returns what the server tells a handler about a call by a user; the headers that it sets are in `headers`. */
export function callBy(userId: string, headers = new Map<string, string>()): Call {
  return {
    caller: { kind: 'user', userId, sessionId: 'session', scopes: new Set(), expiresAt: new Date(8.64e15) },
    traceId: '',
    trace: { traceId: '', spanId: '', sampled: false },
    metadata: new Metadata(),
    signal: new AbortController().signal,
    deadlineMs: Number.POSITIVE_INFINITY,
    log,
    setHeader: (name, value) => headers.set(name, value),
  }
}

export async function startBoards() {
  const mongod = await mongodForTests()
  const url = new URL(mongod.url)
  url.pathname = `/statistics_${randomBytes(6).toString('hex')}`
  const store = connectStore({ url: url.href, appName: 'statistics-test' })
  const tokens = createPageTokens('a secret for tests')
  const begin = new Date('2026-11-23T00:00:00Z')
  const clock = { now: begin, figures: [] as Figure[] }
  const now = () => clock.now
  const query = queryOf(() => clock.figures, now)
  const key = randomBytes(32)
  const networks = networksOf(['127.0.0.0/8'])
  const dashboards = await createDashboardStore(store, tokens, log)
  const alerts = await createAlertStore(store, tokens, log)
  const reports = await createReportStore(store, tokens, log)
  const shared = { dashboards, query, networks, secret: 'a secret for tests', now, newId, changed() {} }
  const written: string[] = []
  const watching = { store: alerts, query, networks, key, written: (id: string) => written.push(id), now, log }
  const runner = (name: string): RunnerDeps => ({
    ...{ store: reports, dashboards, query, now, log },
    ...{ runner: name, signal: never },
  })
  return {
    ...{ db: store.db, key, clock, alerts, reports, written, runner },
    dashboardMethods: dashboardsService(shared),
    alertMethods: alertsService({ ...shared, key, store: alerts }),
    reportMethods: reportsService({ ...shared, store: reports }),
    evaluate: () => evaluateDue(watching, never),
    deliver: (withKey = key) => deliverDue({ ...watching, key: withKey }, never),
    askForDue: () => askForDue(runner('a')),
    makeWaiting: () => makeWaiting(runner('a')),
    pass(seconds: number) {
      clock.now = new Date(clock.now.getTime() + seconds * 1000)
    },
    /** As it was at first, but for the indexes. */
    async clear() {
      const collections = await store.db.collections()
      await Promise.all(collections.map(each => each.deleteMany({})))
      clock.now = begin
      clock.figures = []
      written.length = 0
    },
    async stop() {
      await store.db.dropDatabase()
      await store.close()
      await mongod.stop()
    },
  }
}

export type TestBoards = Awaited<ReturnType<typeof startBoards>>
