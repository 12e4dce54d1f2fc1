/**
 * What proxies tell Statistics of each request: log records of OpenTelemetry (OTLP), whose body is a record as
 * services/runtime/access-log.ts describes it.
 */
import { accessLogFields, accessLogMetadata, accessLogSeparator } from '@site11/runtime/access-log.ts'
import { accessLogCluster } from './clusters.ts'
import { type Json, seconds } from './encode.ts'
import type { InstanceState } from './state.ts'

/**
 * Records go out together, when there are so many bytes or a second has passed. Without an instance of Statistics they are let go:
 * no request ever waits for its record. One that does not answer costs the records of the half minute after which its connection is
 * found to be dead.
 */
const bufferBytes = 256 * 1024
const flushMs = 1000

/** The access log that is sent. Constant: it is part of the listener. */
export function accessLogExport(): Json {
  return {
    name: 'envoy.access_loggers.open_telemetry',
    typed_config: {
      // The description of its configuration lies with OpenTelemetry's, which nothing else here needs.
      '@type': 'type.googleapis.com/xds.type.v3.TypedStruct',
      type_url: 'type.googleapis.com/envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig',
      value: {
        common_config: {
          log_name: 'edge',
          transport_api_version: 'V3',
          grpc_service: { envoy_grpc: { cluster_name: accessLogCluster } },
          // An instance that has just gone is no reason to lose what another one could take.
          grpc_stream_retry_policy: { num_retries: 3 },
          buffer_size_bytes: bufferBytes,
          buffer_flush_interval: seconds(flushMs),
        },
        // Who sends is known by its certificate.
        disable_builtin_labels: true,
        body: { string_value: Object.values(accessLogFields).join(accessLogSeparator) },
      },
    },
  }
}

/** The part of an endpoint's metadata that records are made from. */
export const endpointLabels = ({ instance, version }: InstanceState): Json => ({
  [accessLogMetadata]: { instance, version },
})
