import { prefixOf } from '@site11/runtime/spiffe.ts'
import { type Json, seconds } from './encode.ts'
import { type MeshState, proxySecret, trustSecret } from './state.ts'
import { choosing } from './versions.ts'

/** The Console's plain HTTP side. No service can have this name: its proto package could not. */
export const dashboardCluster = 'console-http'

/**
 * The service that proxies tell of each request. Its cluster is there whether or not the service is: the listener names it, and a
 * listener that changes drains its connections.
 */
export const accessLogCluster = 'statistics'

/** The names of the clusters that Envoy gets, sorted. Clusters and endpoints are both made from this list. */
export function clusterNames(state: MeshState): string[] {
  return [...new Set([...state.services.map(service => service.name), accessLogCluster, dashboardCluster])].sort()
}

/** Shorter than instances keep a connection, so that it is Envoy who leaves: nothing is then on its way to who refuses it. ms. */
const connectionMs = 30 * 60_000

const http1: Json = { http_protocol_options: {} }
const http2: Json = {
  http2_protocol_options: {
    max_concurrent_streams: 1000,
    initial_stream_window_size: 1024 * 1024,
    initial_connection_window_size: 8 * 1024 * 1024,
    connection_keepalive: { interval: seconds(30_000), timeout: seconds(5_000) },
  },
}

/** Nothing in it depends on a certificate: those are secrets, so that a new one is no change of the cluster. */
function tlsTo(service: string): Json {
  const secret = (name: string) => ({ name, sds_config: { ads: {}, resource_api_version: 'V3' } })
  const uri = { san_type: 'URI', matcher: { prefix: prefixOf(service) } }
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
      common_tls_context: {
        alpn_protocols: ['h2'],
        tls_certificate_sds_secret_configs: [secret(proxySecret)],
        combined_validation_context: {
          default_validation_context: { match_typed_subject_alt_names: [uri] },
          validation_context_sds_secret_config: secret(trustSecret),
        },
      },
      // Connections are few, and last: each shows its certificate anew.
      max_session_keys: 0,
    },
  }
}

/**
 * The cluster of a service, or of the dashboard. It says nothing of the instances: those are endpoints, so that their coming and
 * going never changes a cluster, which Envoy would have to warm again.
 */
export function clusterFrom(name: string): Json {
  return {
    '@type': 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
    name,
    type: 'EDS',
    eds_cluster_config: { eds_config: { ads: {}, resource_api_version: 'V3' } },
    connect_timeout: seconds(1_000),
    per_connection_buffer_limit_bytes: 1024 * 1024,
    lb_policy: 'LEAST_REQUEST',
    ...(name !== dashboardCluster && choosing),
    // With two replicas, one failing would be half of them: never send to the failing because few are left.
    common_lb_config: { healthy_panic_threshold: { value: 0 } },
    // The registry has the say: an instance it takes away is gone, whatever the outlier detection thinks of it.
    ignore_health_on_host_removal: true,
    ...(name !== dashboardCluster && { transport_socket: tlsTo(name) }),
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        explicit_http_config: name === dashboardCluster ? http1 : http2,
        // No connection outlives its certificates for long. Requests under way end on the old one.
        common_http_protocol_options: { max_connection_duration: seconds(connectionMs) },
      },
    },
    circuit_breakers: {
      thresholds: [
        {
          max_connections: 4096,
          max_pending_requests: 4096,
          max_requests: 10_000,
          // The default of three retries at a time is less than one draining instance refuses at once.
          retry_budget: { budget_percent: { value: 20 }, min_retry_concurrency: 100 },
        },
      ],
    },
    // At most half of the instances, so never the only one: it may be restarting, and to eject it would prolong that.
    outlier_detection: {
      interval: seconds(2_000),
      base_ejection_time: seconds(5_000),
      max_ejection_time: seconds(30_000),
      max_ejection_percent: 50,
      split_external_local_origin_errors: true,
      consecutive_local_origin_failure: 3,
      consecutive_gateway_failure: 5,
      enforcing_consecutive_gateway_failure: 100,
      // INTERNAL counts as a 5xx: a bug in one method is no reason to eject an instance that serves the others.
      enforcing_consecutive_5xx: 0,
      enforcing_success_rate: 0,
      failure_percentage_threshold: 85,
      enforcing_failure_percentage: 100,
      failure_percentage_minimum_hosts: 2,
      failure_percentage_request_volume: 20,
    },
  }
}
