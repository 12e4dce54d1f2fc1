/**
 * What gRPC's own xDS clients are given when they ask for `xds:///users`: a listener that is none, a route for all methods, and a
 * cluster whose endpoints are those that Envoy gets too. On demand only, since Envoy could make nothing of it.
 */
import type { Json } from './encode.ts'

/** No service can have such a name, so no cluster of Envoy's has it. */
export function grpcClusterName(service: string): string {
  return `grpc/${service}`
}

export function grpcListenerFrom(service: string): Json {
  return {
    '@type': 'type.googleapis.com/envoy.config.listener.v3.Listener',
    name: service,
    api_listener: {
      api_listener: {
        '@type':
          'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
        stat_prefix: service,
        rds: { config_source: { ads: {}, resource_api_version: 'V3' }, route_config_name: service },
        http_filters: [
          {
            name: 'envoy.filters.http.router',
            typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
          },
        ],
      },
    },
  }
}

export function grpcRoutesFrom(service: string): Json {
  return {
    '@type': 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
    name: service,
    virtual_hosts: [
      {
        name: service,
        domains: ['*'],
        routes: [{ match: { prefix: '' }, route: { cluster: grpcClusterName(service) } }],
      },
    ],
  }
}

export function grpcClusterFrom(service: string): Json {
  return {
    '@type': 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
    name: grpcClusterName(service),
    type: 'EDS',
    eds_cluster_config: { service_name: service, eds_config: { ads: {}, resource_api_version: 'V3' } },
    // The only one besides ring hash that every gRPC implementation has.
    lb_policy: 'ROUND_ROBIN',
    circuit_breakers: { thresholds: [{ max_requests: 10_000 }] },
  }
}
