/** The Statistics service: config -> connect -> serve -> close. */
import { randomUUID } from 'node:crypto'
import { MetricsServiceService } from '@site11/proto/grpc/site11/statistics/v1/metrics_service.ts'
import { ProductServiceService } from '@site11/proto/grpc/site11/statistics/v1/product_service.ts'
import { StatisticsServiceService } from '@site11/proto/grpc/site11/statistics/v1/statistics_service.ts'
import { ConfigError, versionOf } from '@site11/runtime/config.ts'
import { ServiceError } from '@site11/runtime/errors.ts'
import { createLog, type Log } from '@site11/runtime/log.ts'
import { closeOnSignal, serve, service } from '@site11/runtime/serve.ts'
import { connectStore } from '@site11/runtime/store/connect.ts'
import { accessLogService } from './access-log.ts'
import type { Query } from './alerts/evaluate.ts'
import { openBoards } from './boards.ts'
import { createCatalogue } from './catalogue.ts'
import { type StatisticsConfig, statisticsConfig } from './config.ts'
import { followEvents, openDomainEvents } from './domain-events.ts'
import { createFeeds } from './feed.ts'
import { createHistory } from './history.ts'
import { createIntake } from './intake.ts'
import { openMeasurements } from './measurements.ts'
import { metricsService } from './metrics-service.ts'
import { recordedOf } from './outcome.ts'
import { productService } from './product-service.ts'
import { openProduct } from './product-store.ts'
import { queryMetric } from './query.ts'
import { createRecorder } from './recorder.ts'
import { requestSource } from './request-blocks.ts'
import { createMethodOf } from './rest-paths.ts'
import { runRollups } from './rollup-runner.ts'
import { openRollups } from './rollup-store.ts'
import { statisticsService } from './service.ts'
import { createSlots } from './slots.ts'
import { createSliceStore } from './store.ts'

try {
  const config = statisticsConfig()
  const log = createLog(config.SITE11_INSTANCE, config.SITE11_LOG_LEVEL)
  closeOnSignal(log, await start(config, log))
} catch (error) {
  // A setting that is wrong, or no database: what to do is in the message.
  if (!(error instanceof ConfigError || error instanceof ServiceError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exit(1)
}

/** @returns the function that ends it. */
async function start(config: StatisticsConfig, log: Log): Promise<() => Promise<void>> {
  const now = Date.now
  const store = connectStore({ url: config.SITE11_MONGO_URL, appName: config.SITE11_INSTANCE })
  const slices = await createSliceStore(store, `${config.SITE11_INSTANCE}/${randomUUID()}`, now, log)
  const recorder = createRecorder(now)
  const history = createHistory(now)
  const feeds = createFeeds(history, now)
  const intake = createIntake({ recorder, history, slices, log })
  const methodOf = createMethodOf()
  const accessLog = accessLogService(entries => {
    for (const entry of entries) {
      const recorded = recordedOf(entry, methodOf)
      if (recorded) recorder.record(recorded)
    }
  }, log)
  const rollups = await openRollups(store.db, log)
  const measurements = await openMeasurements(store.db, now, log)
  const product = await openProduct(store.db, log)
  const domainEvents = await openDomainEvents(store, now, log)
  const consumers = await followEvents(domainEvents, {
    store,
    redisUrl: config.SITE11_REDIS_URL,
    instance: config.SITE11_INSTANCE,
    log,
  })
  const runner = runRollups({
    rollups,
    sources: [requestSource(slices.collection), measurements.source, domainEvents.source, product.source],
    refresh: async () => void (await Promise.all([measurements.refresh(), product.refresh()])),
    now,
    log,
    db: store.db,
    instance: config.SITE11_INSTANCE,
  })
  const catalogue = createCatalogue(() => [...measurements.declared(), ...product.declared()])
  const queries = { rollups, history, catalogue, slots: createSlots(8), now }
  // Before what was stored is there, nothing would seem to have happened.
  const query: Query = (asked, signal) => intake.ready.then(() => queryMetric(queries, asked, signal))
  const boards = await openBoards(config, store, query, log)
  const stop = await serve({
    name: 'statistics',
    version: versionOf(import.meta.dirname),
    config,
    log,
    services: () => [
      service(StatisticsServiceService, statisticsService({ feeds, recorder, ready: intake.ready })),
      service(MetricsServiceService, metricsService(queries, measurements)),
      service(ProductServiceService, productService(product, now)),
      ...boards.services,
    ],
    foreign: [accessLog],
    probes: {},
    dispensable: {
      mongodb: store.ping,
      rollups: runner.probe,
      events: async () => void (await Promise.all([boards, ...consumers].map(each => each.probe()))),
    },
  })
  return async () => {
    feeds.close()
    await stop()
    await boards.close()
    await Promise.all(consumers.map(each => each.close()))
    await intake.close()
    await runner.close()
    await store.close()
  }
}
