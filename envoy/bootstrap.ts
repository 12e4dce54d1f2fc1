/**
 * What Envoy is started with: who it is, where the Console is. All else it gets from there.
 *
 *   SITE11_NODE_ID=edge-1 SITE11_ENVOY_ADMIN_PORT=9901 SITE11_CONSOLE=127.0.0.1:8101 SITE11_JOIN_TOKEN=... \
 *     SITE11_CA=.site11/ca.pem node envoy/bootstrap.ts > envoy.json && envoy -c envoy.json
 *
 * SITE11_FAILOVER=127.0.0.1:8104, where envoy/failover.ts listens, lets Envoy start while the Console is away.
 * The output holds the join token: keep it readable by its owner only, and off the command line.
 */
import { isIP } from 'node:net'
import { prefixOf, spiffeIdOf } from '../services/runtime/spiffe.ts'
import { type HostPort, readSettings } from './settings.ts'
import { envoyTrustFileOf, failoverPeer, transportTo } from './trust.ts'

export type BootstrapOptions = {
  /** Names this proxy in the Console, such as `edge-1`. */
  nodeId: string
  adminPort: number
  /** Where the Console's gRPC port is: an IP address or a name. */
  consoleHost: string
  consolePort: number
  joinToken: string
  /** The path of ca.pem as the Console writes it; the file for Envoy is beside it. */
  trustFile: string
  /** Where envoy/failover.ts listens: the configuration comes from there when this proxy starts while the Console is away. */
  failover?: HostPort | undefined
  /** Where this proxy alone has its public listener; `host` is an IP address. Otherwise it is where the Console says. */
  edge?: HostPort | undefined
  /** Lets the Console, which is on the same machine, read its statistics at the admin page. */
  tellAdminPort?: boolean | undefined
  /** Only changes are sent, instead of all resources of a type. */
  delta?: boolean | undefined
}

/** The clusters of the control plane; the Console as a service is another one, got by discovery. */
const consoleCluster = 'control-plane'
const failoverCluster = 'control-plane-failover'
const failoverId = spiffeIdOf(failoverPeer)

/** More connections than this are refused, so that file descriptors and memory are left for those there are. */
const maxConnections = 20_000

/** Envoy's bootstrap, to be written as JSON. */
export function envoyBootstrap(options: BootstrapOptions): object {
  const { nodeId, adminPort, consoleHost, consolePort, joinToken, trustFile, failover, edge, delta, tellAdminPort } =
    options
  const trust = envoyTrustFileOf(trustFile)
  // Not ready without configuration, however long that takes: an edge without a listener is none.
  const ads = { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: '0s' }
  const metadata =
    edge || tellAdminPort
      ? {
          ...(edge && { edge_address: edge.host, edge_port: edge.port }),
          ...(tellAdminPort && { admin_port: adminPort }),
        }
      : undefined
  const source = (cluster: string) => ({
    envoy_grpc: {
      cluster_name: cluster,
      retry_policy: { retry_back_off: { base_interval: '0.25s', max_interval: '2s' } },
    },
    initial_metadata: [{ key: 'x-site11-join-token', value: joinToken }],
  })
  return {
    node: { id: nodeId, cluster: 'site11', metadata },
    admin: { address: socketAddress('127.0.0.1', adminPort) },
    dynamic_resources: {
      ads_config: {
        api_type: delta ? 'DELTA_GRPC' : 'GRPC',
        transport_api_version: 'V3',
        set_node_on_first_message_only: true,
        // The second is asked only by a proxy that has not reached the first since its start.
        grpc_services: [source(consoleCluster), ...(failover ? [source(failoverCluster)] : [])],
      },
      cds_config: ads,
      lds_config: ads,
    },
    static_resources: {
      clusters: [
        controlPlane(
          consoleCluster,
          { host: consoleHost, port: consolePort },
          transportTo({ prefix: prefixOf('console') }, trust),
        ),
        ...(failover ? [controlPlane(failoverCluster, failover, transportTo({ exact: failoverId }, trust))] : []),
      ],
    },
    layered_runtime: {
      layers: [{ name: 'site11', static_layer: { ...runtime, ...(failover ? failoverRuntime : {}) } }],
    },
    overload_manager: {
      resource_monitors: [
        {
          name: 'envoy.resource_monitors.global_downstream_max_connections',
          typed_config: {
            '@type':
              'type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig',
            max_active_downstream_connections: maxConnections,
          },
        },
      ],
    },
  }
}

/** The paths of all methods with the same verbs make one regular expression, and RE2 runs in linear time at any size. */
const runtime = { 're2.max_program_size.error_level': 100_000 }

/** Two sources of configuration, and the way back to the first when a stream of the second ends. */
const failoverRuntime = {
  'envoy.restart_features.xds_failover_support': true,
  'envoy.reloadable_features.xds_failover_to_primary_enabled': true,
}

function controlPlane(name: string, { host, port }: HostPort, transport: object) {
  return {
    name,
    // A name may have addresses of both families, of which one is served.
    ...(isIP(host) ? { type: 'STATIC' } : { type: 'STRICT_DNS', dns_lookup_family: 'ALL' }),
    connect_timeout: '1s',
    transport_socket: transport,
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        // One that vanished without closing its connection, or that is frozen, is noticed within 5 s.
        explicit_http_config: {
          http2_protocol_options: { connection_keepalive: { interval: '2s', timeout: '3s' } },
        },
      },
    },
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(host, port) } }] }],
    },
  }
}

function socketAddress(address: string, port: number) {
  return { socket_address: { address, port_value: port } }
}

/** Reads the options from the environment. Throws one Error that names everything missing or wrong. */
export function bootstrapOptions(env: Record<string, string | undefined>): BootstrapOptions {
  return readSettings(env, ({ text, port, hostPort }) => {
    const nodeId = text('SITE11_NODE_ID', 'the name of this proxy, such as edge-1')
    const adminPort = port('SITE11_ENVOY_ADMIN_PORT', "the port of Envoy's admin page, such as 9901")
    const console = hostPort('SITE11_CONSOLE', "the Console's gRPC address, such as 127.0.0.1:8101")
    const joinToken = text('SITE11_JOIN_TOKEN', 'the token that lets a proxy join the mesh')
    const trustFile = text('SITE11_CA', 'the file with the authorities of the mesh, which the Console writes')
    const failover = env.SITE11_FAILOVER ? hostPort('SITE11_FAILOVER', '') : undefined
    return { nodeId, adminPort, consoleHost: console.host, consolePort: console.port, joinToken, trustFile, failover }
  })
}

if (import.meta.main) {
  try {
    console.log(JSON.stringify(envoyBootstrap(bootstrapOptions(process.env)), null, 2))
  } catch (cause) {
    console.error(cause instanceof Error ? cause.message : String(cause))
    process.exitCode = 1
  }
}
