/** What proxies tell Statistics of each request, over a stream of their own (ALS): services/statistics/entry.ts reads it. */
import { accessLogCluster } from './clusters.ts'
import { type Json, seconds } from './encode.ts'
import { routeMetadataKey } from './local-replies.ts'
import type { InstanceState } from './state.ts'

/** Where endpoints say of themselves what the records of their requests are to name. */
const endpointMetadataKey = 'site11'

/**
 * Records go out together, when there are so many bytes or a second has passed. Without an instance of Statistics they are let go:
 * no request ever waits for its record.
 */
const bufferBytes = 256 * 1024
const flushMs = 1000

/** The access log that is a stream. Constant: it is part of the listener. */
export function accessLogStream(): Json {
  return {
    name: 'envoy.access_loggers.http_grpc',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig',
      common_config: {
        log_name: 'edge',
        transport_api_version: 'V3',
        grpc_service: { envoy_grpc: { cluster_name: accessLogCluster } },
        // An instance that has just gone is no reason to lose what another one could take.
        grpc_stream_retry_policy: { num_retries: 3 },
        buffer_size_bytes: bufferBytes,
        buffer_flush_interval: seconds(flushMs),
        custom_tags: [
          tag('instance', { host: {} }, endpointMetadataKey),
          tag('version', { host: {} }, endpointMetadataKey),
          tag('stream', { route: {} }, routeMetadataKey),
        ],
      },
      // The outcome over gRPC: in the trailers, or in the headers when there is nothing else. The type tells gRPC-Web apart.
      additional_response_headers_to_log: ['content-type', 'grpc-status'],
      additional_response_trailers_to_log: ['grpc-status'],
    },
  }
}

const tag = (name: string, kind: Json, key: string): Json => ({
  tag: name,
  metadata: { kind, metadata_key: { key, path: [{ key: name }] } },
})

/** The part of an endpoint's metadata that records are made from. */
export const endpointLabels = ({ instance, version }: InstanceState): Json => ({
  [endpointMetadataKey]: { instance, version },
})
