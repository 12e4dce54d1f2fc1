/** What stands on the metrics: dashboards, alerts and reports, put together for an instance. */
import { hkdfSync } from 'node:crypto'
import { AlertsServiceService } from '@site11/proto/grpc/site11/statistics/v1/alerts_service.ts'
import { DashboardsServiceService } from '@site11/proto/grpc/site11/statistics/v1/dashboards_service.ts'
import { ReportsServiceService } from '@site11/proto/grpc/site11/statistics/v1/reports_service.ts'
import { createRelay } from '@site11/runtime/events/relay.ts'
import type { Log } from '@site11/runtime/log.ts'
import { type Service, service } from '@site11/runtime/serve.ts'
import type { Store } from '@site11/runtime/store/connect.ts'
import { createPageTokens } from '@site11/runtime/store/page-token.ts'
import { v7 as newId } from 'uuid'
import { stream } from './alerts/alert.ts'
import { ensureDefaultRules } from './alerts/defaults.ts'
import { deliverDue } from './alerts/deliver.ts'
import type { Query } from './alerts/evaluate.ts'
import { evaluateDue } from './alerts/evaluator.ts'
import { sealWebhooks } from './alerts/secret.ts'
import { alertsService } from './alerts/service.ts'
import { createAlertStore } from './alerts/store.ts'
import type { StatisticsConfig } from './config.ts'
import { dashboardsService } from './dashboards/service.ts'
import { createDashboardStore } from './dashboards/store.ts'
import { askForDue, makeWaiting } from './reports/runner.ts'
import { reportsService } from './reports/service.ts'
import { createReportStore } from './reports/store.ts'
import { createWorker } from './worker.ts'

export interface Boards {
  services: Service[]
  /** Rejects with what an operator should know of the events of alerts. */
  probe(): Promise<void>
  close(): Promise<void>
}

/** @param query answers what was measured. @throws ServiceError UNAVAILABLE without a database. */
export async function openBoards(config: StatisticsConfig, store: Store, query: Query, log: Log): Promise<Boards> {
  const {
    SITE11_JOIN_TOKEN: joinToken,
    SITE11_INSTANCE: instance,
    SITE11_WEBHOOK_NETWORKS: networks,
    SITE11_SECRET_KEY: key,
  } = config
  // All instances have the token to join with, so all read each other's page tokens and request marks.
  const secret = Buffer.from(hkdfSync('sha256', joinToken, '', 'site11 statistics v1', 32)).toString('base64url')
  const tokens = createPageTokens(secret)
  const now = () => new Date()
  const leaving = new AbortController()
  const dashboards = await createDashboardStore(store, tokens, log)
  const alerts = await createAlertStore(store, tokens, log)
  const reports = await createReportStore(store, tokens, log)
  await ensureDefaultRules(alerts, now())
  await sealWebhooks(alerts.collections.webhooks, key, log)
  const relay = createRelay({
    stream,
    db: store.db,
    collections: [alerts.collections.alerts],
    redisUrl: config.SITE11_REDIS_URL,
    instance,
    log,
  })
  const written = (alert: string) => relay.written('alerts', alert)
  const watching = { store: alerts, query, networks, key, written, now, log }
  const alerting = createWorker(
    store.db,
    'alerts',
    instance,
    [
      { run: signal => evaluateDue(watching, signal), everyMs: 1000 },
      { run: signal => deliverDue(watching, signal), everyMs: 500 },
    ],
    log,
  )
  const runner = `${instance}/${newId()}`
  const making = { store: reports, dashboards, query, runner, signal: leaving.signal, now, log }
  const reporting = createWorker(
    store.db,
    'reports',
    instance,
    [
      { run: () => askForDue(making), everyMs: 5000 },
      { run: () => makeWaiting(making), everyMs: 1000 },
    ],
    log,
  )
  const shared = { dashboards, query, networks, secret, now, newId }
  return {
    services: [
      service(DashboardsServiceService, dashboardsService(shared)),
      service(AlertsServiceService, alertsService({ ...shared, key, store: alerts, changed: alerting.wake })),
      service(ReportsServiceService, reportsService({ ...shared, store: reports, changed: reporting.wake })),
    ],
    probe: relay.probe,
    async close() {
      leaving.abort()
      await Promise.all([alerting.close(), reporting.close()])
      await relay.close()
    },
  }
}
