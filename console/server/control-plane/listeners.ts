import { accessLogExport } from './access-log-export.ts'
import { type Json, seconds } from './encode.ts'
import { httpFilters } from './filters.ts'
import { localReplyConfig } from './local-replies.ts'
import { type Address, edgeName, type MeshState, proxySecret, trustSecret } from './state.ts'
import { type Tracing, tracerFrom } from './tracing.ts'

/**
 * The one public listener. It depends on nothing but its address, on whether it is one of TLS, and on where spans go: a change of it would drain every
 * connection, so what changes is in routes (RDS), in the filters got by ECDS, in the certificate (SDS) and in endpoints.
 */
export function listenerFrom({ address, port }: Address, tls: boolean, tracing?: Tracing): Json {
  return {
    '@type': 'type.googleapis.com/envoy.config.listener.v3.Listener',
    name: edgeName,
    address: { socket_address: { address, port_value: port } },
    traffic_direction: 'INBOUND',
    per_connection_buffer_limit_bytes: 32 * 1024,
    filter_chains: [
      {
        filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: connectionManager(tracing) }],
        ...(tls && { transport_socket: tlsSocket }),
      },
    ],
  }
}

const tlsSocket: Json = {
  name: 'envoy.transport_sockets.tls',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
    common_tls_context: {
      tls_params: { tls_minimum_protocol_version: 'TLSv1_2' },
      alpn_protocols: ['h2', 'http/1.1'],
      tls_certificate_sds_secret_configs: [{ name: edgeName, sds_config: { ads: {}, resource_api_version: 'V3' } }],
    },
  },
}

/** The certificate of the public listener. New handshakes use it as soon as it is there; open connections stay as they are. */
export function secretFrom({ certificateChain, privateKey }: NonNullable<MeshState['tls']>): Json {
  return secret(edgeName, certificateChain, privateKey)
}

/** The certificate that one proxy shows to instances. */
export const proxySecretFrom = ({ certificateChain, privateKey }: NonNullable<MeshState['tls']>): Json =>
  secret(proxySecret, certificateChain, privateKey)

/** Whose certificates proxies believe. */
export const trustSecretFrom = (bundle: string): Json => ({
  '@type': secretTypeUrl,
  name: trustSecret,
  validation_context: { trusted_ca: { inline_string: bundle } },
})

const secretTypeUrl = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret'

const secret = (name: string, certificateChain: string, privateKey: string): Json => ({
  '@type': secretTypeUrl,
  name,
  tls_certificate: {
    certificate_chain: { inline_string: certificateChain },
    private_key: { inline_string: privateKey },
  },
})

function connectionManager(tracing: Tracing | undefined): Json {
  return {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    stat_prefix: 'edge',
    codec_type: 'AUTO',
    rds: { config_source: { ads: {}, resource_api_version: 'V3' }, route_config_name: edgeName },
    http_filters: httpFilters(),
    local_reply_config: localReplyConfig(),
    ...(tracing && { tracing: tracerFrom(tracing) }),
    access_log: [accessLog(tracing !== undefined), accessLogExport()],

    // What follows is for a proxy that strangers can reach: whose word counts, what a path means, what a request may cost.
    use_remote_address: true,
    // Nobody: an empty list would mean every private address, and those whom Envoy trusts may tell it how to route.
    internal_address_config: { cidr_ranges: [{ address_prefix: '0.0.0.0', prefix_len: 32 }] },
    normalize_path: true,
    merge_slashes: true,
    path_with_escaped_slashes_action: 'UNESCAPE_AND_REDIRECT',
    max_request_headers_kb: 32,
    request_headers_timeout: seconds(10_000),
    stream_idle_timeout: seconds(300_000),
    common_http_protocol_options: {
      idle_timeout: seconds(300_000),
      headers_with_underscores_action: 'REJECT_REQUEST',
      max_headers_count: 100,
    },
    http2_protocol_options: {
      max_concurrent_streams: 100,
      initial_stream_window_size: 64 * 1024,
      initial_connection_window_size: 1024 * 1024,
      // A caller that vanished without a word would hold its watch streams for ever.
      connection_keepalive: { interval: seconds(60_000), timeout: seconds(20_000) },
    },

    server_name: 'site11',
    always_set_request_id_in_response: true,
  }
}

/** One line of JSON for each request. Never the query string or the token: what is logged is read by many. */
const accessLog = (traced: boolean): Json => ({
  name: 'envoy.access_loggers.stdout',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog',
    log_format: {
      json_format: {
        time: '%START_TIME%',
        method: '%REQUEST_HEADER(X-ENVOY-ORIGINAL-METHOD?:METHOD)%',
        path: '%PATH(NQ:ORIG_OR_PATH)%',
        protocol: '%PROTOCOL%',
        status: '%RESPONSE_CODE%',
        grpc_status: '%GRPC_STATUS(SNAKE_STRING)%',
        duration_ms: '%DURATION%',
        route: '%ROUTE_NAME%',
        cluster: '%UPSTREAM_CLUSTER%',
        upstream: '%UPSTREAM_HOST%',
        request_id: '%REQUEST_HEADER(X-REQUEST-ID)%',
        traceparent: '%REQUEST_HEADER(TRACEPARENT)%',
        ...(traced && { trace_id: '%TRACE_ID%' }),
        user_agent: '%REQUEST_HEADER(USER-AGENT)%',
        client: '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%',
        bytes_received: '%BYTES_RECEIVED%',
        bytes_sent: '%BYTES_SENT%',
        flags: '%RESPONSE_FLAGS%',
        details: '%RESPONSE_CODE_DETAILS%',
      },
    },
  },
})
