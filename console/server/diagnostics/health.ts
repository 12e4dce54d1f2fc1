/** The health of the mesh as a message. */
import { HealthStatus, type MeshHealth } from '@site11/proto/grpc/site11/console/v1/diagnostics_service.ts'
import type { HealthReport } from '../health/report.ts'

const statuses = {
  healthy: HealthStatus.HEALTH_STATUS_HEALTHY,
  degraded: HealthStatus.HEALTH_STATUS_DEGRADED,
  failing: HealthStatus.HEALTH_STATUS_FAILING,
}

export function healthMessage({ status, services, dependencies, problems }: HealthReport): MeshHealth {
  return {
    status: statuses[status],
    services: services.map(each => {
      const staying = each.instances.filter(instance => instance.status !== 'draining')
      return {
        service: each.name,
        status: statuses[each.status],
        reason: each.reason,
        instances: staying.length,
        healthyInstances: staying.filter(instance => instance.status === 'healthy').length,
      }
    }),
    dependencies: dependencies.map(each => ({ ...each, status: statuses[each.status] })),
    problems,
  }
}
