/** How proxies trace requests: they begin a trace, or go on with that of the caller, and send their spans by OTLP over HTTP. */
import { isIP } from 'node:net'
import { type Json, seconds } from './encode.ts'

/** Where spans go, and which. */
export type Tracing = {
  host: string
  port: number
  /** Over TLS, to who shows a certificate of these authorities (PEM), or else of those that the proxy's system knows. */
  tls: boolean
  authorities?: string | undefined
  /** Such as `/v1/traces`. */
  path: string
  /** Sent along: a secret may be among them. */
  headers: readonly (readonly [name: string, value: string])[]
  /** What share of traces is kept at most, from 0 to 1. */
  share: number
}

/** No service can have this name: its proto package could not. */
export const otlpCluster = 'otlp-http'

/** Apart from the clusters of the mesh: it is no instance that anybody has registered. */
export function otlpClusterFrom({ host, port, tls, authorities }: Tracing): Json {
  return {
    '@type': 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
    name: otlpCluster,
    ...(isIP(host) ? { type: 'STATIC' } : { type: 'STRICT_DNS', dns_lookup_family: 'ALL' }),
    connect_timeout: seconds(1_000),
    load_assignment: {
      cluster_name: otlpCluster,
      endpoints: [
        { lb_endpoints: [{ endpoint: { address: { socket_address: { address: host, port_value: port } } } }] },
      ],
    },
    ...(tls && { transport_socket: tlsTo(host, authorities) }),
  }
}

const tlsTo = (host: string, authorities: string | undefined): Json => ({
  name: 'envoy.transport_sockets.tls',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
    ...(!isIP(host) && { sni: host }),
    common_tls_context: {
      validation_context: {
        ...(authorities ? { trusted_ca: { inline_string: authorities } } : { system_root_certs: {} }),
        match_typed_subject_alt_names: [{ san_type: isIP(host) ? 'IP_ADDRESS' : 'DNS', matcher: { exact: host } }],
      },
    },
  },
})

/**
 * The part of the connection manager. Without a sampler, what Envoy keeps is what its own random number and the caller both want: a caller
 * may have less kept than the share, never more, whatever it calls its trace. `x-client-trace-id` has no say.
 */
export function tracerFrom({ host, port, tls, path, headers, share }: Tracing): Json {
  const authority = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  return {
    client_sampling: { value: 0 },
    random_sampling: { value: share * 100 },
    overall_sampling: { value: 100 },
    provider: {
      name: 'envoy.tracers.opentelemetry',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig',
        service_name: 'edge',
        http_service: {
          http_uri: {
            uri: `${tls ? 'https' : 'http'}://${authority}${path}`,
            cluster: otlpCluster,
            timeout: seconds(5_000),
          },
          request_headers_to_add: headers.map(([key, value]) => ({ header: { key, value } })),
        },
      },
    },
  }
}
