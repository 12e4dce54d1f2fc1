/** What a process tells of itself: a page for Prometheus, and reports to Statistics. */
import { createServer, type Server } from 'node:http'
import type {
  ReportMetricsRequest,
  ReportMetricsResponse,
} from '@site11/proto/grpc/site11/statistics/v1/metrics_service.ts'
import type { Log } from '../log.ts'
import { exposition, expositionType } from './exposition.ts'
import { measureProcess } from './process.ts'
import { reportMetrics } from './report.ts'
import { startTracing } from './tracing.ts'

export interface Telemetry {
  /** What was measured, as Prometheus reads it. */
  page(): string
  /** Reports what is left, and ends. */
  close(): Promise<void>
}

export interface TelemetryOptions {
  service: string
  instance: string
  version: string
  /** Where the page is served over plain HTTP to whoever asks; nowhere when unset. */
  listen?: { host: string; port: number; text: string } | undefined
  send(request: ReportMetricsRequest): Promise<ReportMetricsResponse>
  log: Log
}

export function startTelemetry({ service, instance, version, listen, send, log }: TelemetryOptions): Telemetry {
  const stopMeasuring = measureProcess()
  const tracing = startTracing({ service, instance, version, log })
  const reporting = reportMetrics({ instance, version, send })
  const page = () => exposition({ service, instance, version })
  const server = listen && servePage(page)
  // A process without its metrics is better than none.
  server?.on('error', error => log.error({ reason: error.message, address: listen?.text }, 'metrics are not served'))
  server?.listen(listen?.port, listen?.host)
  return {
    page,
    async close() {
      server?.close()
      server?.closeAllConnections()
      stopMeasuring()
      await reporting.close()
      await (await tracing)()
    },
  }
}

function servePage(page: () => string): Server {
  return createServer((request, response) => {
    const found = request.method === 'GET' && request.url?.split('?', 1)[0] === '/metrics'
    if (found) response.writeHead(200, { 'content-type': expositionType }).end(page())
    else response.writeHead(404, { 'content-type': 'text/plain' }).end('Metrics are at GET /metrics.\n')
  })
}
