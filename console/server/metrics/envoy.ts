/** What is shown of an Envoy: some of its own statistics, named as it names them. */
import { labelText } from '@site11/runtime/telemetry/exposition.ts'

/** What an operator looks at first; all that there is are thousands of lines. With what it means, which Envoy does not say. */
const shown: Readonly<Record<string, string>> = {
  envoy_server_live: 'Whether the proxy is live, and not draining',
  envoy_server_uptime: 'How long the proxy has been running, in seconds',
  envoy_server_memory_allocated: 'Memory that the proxy has allocated, in bytes',
  envoy_server_total_connections: 'Connections, of clients and to instances',
  envoy_http_downstream_cx_active: 'Connections of clients',
  envoy_http_downstream_rq_total: 'Requests of clients',
  envoy_http_downstream_rq_active: 'Requests of clients under way',
  envoy_http_downstream_rq_xx: 'Answers to clients by the first digit of their status',
  envoy_cluster_upstream_cx_active: 'Connections to instances',
  envoy_cluster_upstream_rq_total: 'Requests sent to instances',
  envoy_cluster_upstream_rq_active: 'Requests to instances under way',
  envoy_cluster_upstream_rq_retry: 'Requests that were sent again',
  envoy_cluster_upstream_rq_timeout: 'Requests to instances that took too long',
  envoy_cluster_upstream_rq_pending_overflow: 'Requests that were refused as too many waited',
  envoy_cluster_membership_healthy: 'Instances that requests are sent to',
  envoy_cluster_membership_total: 'Instances',
  envoy_cluster_outlier_detection_ejections_active: 'Instances that are not sent requests as they failed',
  envoy_cluster_manager_cds_update_rejected: 'Sets of clusters that the proxy has refused',
  envoy_listener_manager_lds_update_rejected: 'Sets of listeners that the proxy has refused',
  envoy_control_plane_connected_state: 'Whether the proxy is connected to the Console',
}

/** Envoy filters by its own names, before they become those of Prometheus. */
const filter = [
  '^server\\.(live|uptime|memory_allocated|total_connections)$',
  '^http\\.edge\\.downstream_(cx_active|rq_total|rq_active|rq_[1-5]xx)$',
  '^cluster\\.[a-z0-9_-]+\\.(upstream_cx_active|upstream_rq_(total|active|retry|timeout|pending_overflow)|membership_(healthy|total))$',
  '^cluster\\.[a-z0-9_-]+\\.outlier_detection\\.ejections_active$',
  '^cluster_manager\\.cds\\.update_rejected$',
  '^listener_manager\\.lds\\.update_rejected$',
  '^control_plane\\.connected_state$',
].join('|')

/**
 * @param port of its admin page, on this machine.
 * @returns its page.
 */
export async function readEnvoy(instance: string, port: number): Promise<string> {
  const url = `http://127.0.0.1:${port}/stats/prometheus?filter=${encodeURIComponent(filter)}`
  const response = await fetch(url, { signal: AbortSignal.timeout(2000) })
  if (!response.ok) throw new Error(`Envoy's admin page answers ${response.status}`)
  return envoyPage(instance, await response.text())
}

/** @returns what is shown of a page of Envoy, with the name of the proxy on each line and a help for each metric. */
export function envoyPage(instance: string, page: string): string {
  const common = labelText({ service: 'envoy', instance }).slice(1, -1)
  return page
    .split('\n')
    .flatMap(line => {
      const [, typed = ''] = /^# TYPE (\S+) /.exec(line) ?? []
      if (typed) return Object.hasOwn(shown, typed) ? [`# HELP ${typed} ${shown[typed]}.`, line] : []
      const [, name = '', labels = '', value = ''] = /^([a-z_]+)\{(.*)\} (\S+)$/.exec(line) ?? []
      if (!Object.hasOwn(shown, name)) return []
      return [`${name}{${[common, labels].filter(Boolean).join(',')}} ${value}`]
    })
    .join('\n')
}
