/** The methods of MetricsService. */
import type { MetricsServiceService } from '@site11/proto/grpc/site11/statistics/v1/metrics_service.ts'
import type { Handlers } from '@site11/runtime/call.ts'
import { metricOf } from './catalogue.ts'
import type { Measurements } from './measurements.ts'
import { labelValues, type QueryDeps, queryMetric } from './query.ts'

export const metricsService = (
  deps: QueryDeps,
  measurements: Pick<Measurements, 'take'>,
): Handlers<typeof MetricsServiceService> => ({
  listMetrics: async () => ({ metrics: deps.catalogue.all().map(metricOf) }),
  listLabelValues: async (request, { signal }) => ({ values: await labelValues(deps, request, signal) }),
  queryMetric: (request, { signal }) => queryMetric(deps, request, signal),
  async reportMetrics(request, { caller }) {
    await measurements.take(caller.kind === 'service' ? caller.service : '', request)
    return {}
  },
})
