/**
 * Who is at the other end of a connection, by the name in the certificate:
 *
 *   spiffe://site11/service/<service>/<instance>   spiffe://site11/console/<instance>   spiffe://site11/proxy/<node id>
 */

/** An instance of a service, the Console among them, or a proxy. */
export type Peer = { service: string; instance: string } | { proxy: string }

/** The Console's name among the services. No other can have it. */
const console = 'console'
const domain = 'spiffe://site11/'

export function spiffeIdOf(peer: Peer): string {
  if ('proxy' in peer) return `${domain}proxy/${encodeURIComponent(peer.proxy)}`
  const { service, instance } = peer
  return `${prefixOf(service)}${instance}`
}

/** @returns what the ids of all instances of a service begin with. */
export function prefixOf(service: string): string {
  return service === console ? `${domain}console/` : `${domain}service/${service}/`
}

/** @param names the alternative names of a certificate as node:tls gives them. @returns undefined unless there is one, and it is an id of this mesh. */
export function peerFrom(names: string | undefined): Peer | undefined {
  const parts = /^URI:spiffe:\/\/site11\/(service|console|proxy)\/([^,/"]+)(?:\/([^,/"]+))?$/.exec(names ?? '')
  if (!parts) return undefined
  const [, kind, first = '', second] = parts
  if (kind === 'service') return second && first !== console ? { service: first, instance: second } : undefined
  if (second !== undefined) return undefined
  return kind === 'console' ? { service: console, instance: first } : { proxy: decodeURIComponent(first) }
}

/** In words. */
export const peerName = (peer: Peer) =>
  'proxy' in peer ? `the proxy ${peer.proxy}` : `${peer.instance} of ${peer.service}`
