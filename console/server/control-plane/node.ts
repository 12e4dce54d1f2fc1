/** What a proxy says of itself in the first request of a stream. */
import { isIP } from 'node:net'
import type { Address } from './state.ts'

export type Node = {
  id: string
  /** Such as `envoy`. */
  program: string
  /** Such as `1.40.0`; empty when it says none. */
  version: string
  metadata: Record<string, unknown>
}

/** The metadata of a node that holds the join token: for clients that can send no metadata with a call. */
export const joinTokenKey = 'site11_join_token'

/**
 * Where the public listener of this proxy is: where that of all is, unless its metadata `edge_address` and `edge_port` say otherwise.
 * Throws an Error that says what is wrong with them.
 */
export function edgeOf({ metadata }: Node, { address, port }: Address): Address {
  const { edge_address = address, edge_port = port } = metadata
  if (typeof edge_address !== 'string' || isIP(edge_address) === 0)
    throw new Error(`the node metadata edge_address is ${JSON.stringify(edge_address)}: it must be an IP address`)
  if (typeof edge_port !== 'number' || !Number.isInteger(edge_port) || edge_port < 0 || edge_port > 65_535)
    throw new Error(`the node metadata edge_port is ${JSON.stringify(edge_port)}: it must be a port, as a number`)
  return { address: edge_address, port: edge_port }
}

/** Where on the Console's machine its admin page is; undefined when it does not say. */
export function adminPortOf({ metadata: { admin_port: port } }: Node): number | undefined {
  return typeof port === 'number' && Number.isInteger(port) && port > 0 && port <= 65_535 ? port : undefined
}

/** Its program and version, such as `envoy 1.40.0`. */
export function clientOf({ program, version }: Node): string {
  return [program, version].filter(Boolean).join(' ')
}
