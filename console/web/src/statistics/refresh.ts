/** What was changed is asked for anew wherever it is shown. */
import type { DescService } from '@bufbuild/protobuf'
import { createConnectQueryKey } from '@connectrpc/connect-query'
import { AlertsService } from '@site11/proto/es/site11/statistics/v1/alerts_service_pb.ts'
import { DashboardsService } from '@site11/proto/es/site11/statistics/v1/dashboards_service_pb.ts'
import { ProductService } from '@site11/proto/es/site11/statistics/v1/product_service_pb.ts'
import { ReportsService } from '@site11/proto/es/site11/statistics/v1/reports_service_pb.ts'
import type { QueryClient } from '@tanstack/react-query'

const refreshing = (schema: DescService) => (client: QueryClient) =>
  client.invalidateQueries({ queryKey: createConnectQueryKey({ schema, cardinality: undefined }) })

export const refreshAlerts = refreshing(AlertsService)
export const refreshDashboards = refreshing(DashboardsService)
export const refreshProduct = refreshing(ProductService)
export const refreshReports = refreshing(ReportsService)
