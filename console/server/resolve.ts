/** Names to IP addresses: proxies and clients of the mesh resolve none. */
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'

export interface Endpoint {
  ip: string
  port: number
}

/**
 * @param address `host:port`; an IPv6 host stands in brackets.
 * @throws Error saying that the name has no address, or that the address is one that nobody can be reached at.
 */
export async function resolveAddress(address: string): Promise<Endpoint> {
  const at = address.lastIndexOf(':')
  const host = address.slice(0, at).replace(/^\[|\]$/g, '')
  const port = Number(address.slice(at + 1))
  const ip = isIP(host) ? host : await addressOf(host)
  if (ip === '0.0.0.0' || ip === '::') throw new Error(`${address} is where to listen, not where to be reached.`)
  return { ip, port }
}

async function addressOf(host: string): Promise<string> {
  try {
    return (await lookup(host, { order: 'ipv4first' })).address
  } catch {
    throw new Error(`The name ${host} has no IP address here.`)
  }
}
