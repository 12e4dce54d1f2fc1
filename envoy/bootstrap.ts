/**
 * What Envoy is started with: who it is, where the Console is. All else it gets from there.
 *
 *   SITE11_NODE_ID=edge-1 SITE11_ENVOY_ADMIN_PORT=9901 SITE11_CONSOLE=127.0.0.1:8101 SITE11_JOIN_TOKEN=... \
 *     node envoy/bootstrap.ts > envoy.json && envoy -c envoy.json
 *
 * The output holds the join token: keep it readable by its owner only, and off the command line.
 */
import { isIP } from 'node:net'

export type BootstrapOptions = {
  /** Names this proxy in the Console, such as `edge-1`. */
  nodeId: string
  adminPort: number
  /** Where the Console's gRPC port is: an IP address or a name. */
  consoleHost: string
  consolePort: number
  joinToken: string
}

/** The cluster of the Console as a control plane; the Console as a service is another one, got by discovery. */
const consoleCluster = 'control-plane'

/** More connections than this are refused, so that file descriptors and memory are left for those there are. */
const maxConnections = 20_000

/** Envoy's bootstrap, to be written as JSON. */
export function envoyBootstrap({ nodeId, adminPort, consoleHost, consolePort, joinToken }: BootstrapOptions): object {
  const ads = { ads: {}, resource_api_version: 'V3' }
  return {
    node: { id: nodeId, cluster: 'site11' },
    admin: { address: socketAddress('127.0.0.1', adminPort) },
    dynamic_resources: {
      ads_config: {
        api_type: 'GRPC',
        transport_api_version: 'V3',
        set_node_on_first_message_only: true,
        grpc_services: [
          {
            envoy_grpc: {
              cluster_name: consoleCluster,
              retry_policy: { retry_back_off: { base_interval: '0.25s', max_interval: '2s' } },
            },
            initial_metadata: [{ key: 'x-site11-join-token', value: joinToken }],
          },
        ],
      },
      cds_config: ads,
      lds_config: ads,
    },
    static_resources: {
      clusters: [
        {
          name: consoleCluster,
          type: isIP(consoleHost) ? 'STATIC' : 'STRICT_DNS',
          connect_timeout: '1s',
          typed_extension_protocol_options: {
            'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
              '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
              // A Console that vanished without closing its connection is noticed within 15 s.
              explicit_http_config: {
                http2_protocol_options: { connection_keepalive: { interval: '10s', timeout: '5s' } },
              },
            },
          },
          load_assignment: {
            cluster_name: consoleCluster,
            endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(consoleHost, consolePort) } }] }],
          },
        },
      ],
    },
    // The paths of all methods with the same verbs make one regular expression, and RE2 runs in linear time at any size.
    layered_runtime: {
      layers: [{ name: 'site11', static_layer: { 're2.max_program_size.error_level': 100_000 } }],
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

function socketAddress(address: string, port: number) {
  return { socket_address: { address, port_value: port } }
}

/** Reads the options from the environment. Throws one Error that names everything missing or wrong. */
export function bootstrapOptions(env: Record<string, string | undefined>): BootstrapOptions {
  const problems: string[] = []
  const read = (name: string, meaning: string) => {
    const value = env[name] ?? ''
    if (value === '') problems.push(`${name} is not set: ${meaning}`)
    return value
  }
  const port = (name: string, text: string) => {
    const value = Number(text)
    if (text !== '' && !(Number.isInteger(value) && value >= 1 && value <= 65_535))
      problems.push(`${name} has no port between 1 and 65535`)
    return value
  }
  const nodeId = read('SITE11_NODE_ID', 'the name of this proxy, such as edge-1')
  const admin = read('SITE11_ENVOY_ADMIN_PORT', "the port of Envoy's admin page, such as 9901")
  const console = read('SITE11_CONSOLE', "the Console's gRPC address, such as 127.0.0.1:8101")
  const joinToken = read('SITE11_JOIN_TOKEN', 'the token that lets a proxy join the mesh')
  const colon = console.lastIndexOf(':')
  if (console !== '' && colon < 1) problems.push('SITE11_CONSOLE must be host:port')
  const options = {
    nodeId,
    adminPort: port('SITE11_ENVOY_ADMIN_PORT', admin),
    consoleHost: console.slice(0, Math.max(colon, 0)).replace(/^\[(.*)\]$/, '$1'),
    consolePort: colon < 1 ? 0 : port('SITE11_CONSOLE', console.slice(colon + 1) || 'none'),
    joinToken,
  }
  if (problems.length > 0) throw new Error(problems.join('\n'))
  return options
}

if (import.meta.main) {
  try {
    console.log(JSON.stringify(envoyBootstrap(bootstrapOptions(process.env)), null, 2))
  } catch (cause) {
    console.error(cause instanceof Error ? cause.message : String(cause))
    process.exitCode = 1
  }
}
