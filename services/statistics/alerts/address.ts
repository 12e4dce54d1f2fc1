/**
 * Where webhooks may lead: to public addresses, and to those that the operator allows. Else who may write rules could make this service call
 * what only services reach, such as the administration of a proxy.
 */
import type { LookupAddress } from 'node:dns'
import { lookup } from 'node:dns/promises'
import { BlockList, isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

export interface Networks {
  /** @param address an IP address. */
  allow(address: string): boolean
}

/**
 * @param ranges in CIDR notation, besides public addresses.
 * @throws Error naming one that is none.
 */
export function networksOf(ranges: readonly string[]): Networks {
  const allowed = new BlockList()
  for (const range of ranges) {
    const [address = '', bits = ''] = range.split('/')
    if (!ipaddr.isValidCIDR(range)) throw new Error(`${range} is no range of addresses, such as 10.1.0.0/16`)
    allowed.addSubnet(address, Number(bits), isIP(address) === 6 ? 'ipv6' : 'ipv4')
  }
  return {
    allow(address) {
      if (!ipaddr.isValid(address)) return false
      // One of IPv4 in the form of IPv6 is what it stands for.
      const parsed = ipaddr.process(address)
      if (parsed.range() === 'unicast') return true
      return allowed.check(parsed.toString(), parsed.kind())
    },
  }
}

/** @returns why a webhook cannot be at this URL, as far as that can be told without asking for its addresses. */
export function hostProblem(text: string, networks: Networks): string | undefined {
  const url = URL.parse(text)
  if (!url || !['https:', 'http:'].includes(url.protocol)) return 'It must be a URL that begins with https://.'
  if (url.username || url.password) return 'It must hold no user name and password, as it is shown to others.'
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const isLoopback = host === 'localhost' || (isIP(host) !== 0 && ipaddr.process(host).range() === 'loopback')
  if (url.protocol === 'http:' && !isLoopback)
    return 'It must begin with https://: what is sent must not be read on its way.'
  if (isIP(host) !== 0 && !networks.allow(host)) return refusal(host)
  return undefined
}

const refusal = (address: string) =>
  `The address ${address} is not public. An operator allows such with SITE11_WEBHOOK_NETWORKS.`

/** An address that must not be called: trying again would not help. */
export class AddressRefused extends Error {}

/** @returns the addresses of a host, all of which may be called. @throws AddressRefused; what the resolver says. */
export async function addressesOf(host: string, networks: Networks): Promise<LookupAddress[]> {
  const addresses = await lookup(host, { all: true })
  const refused = addresses.find(({ address }) => !networks.allow(address))
  if (refused) throw new AddressRefused(refusal(refused.address))
  return addresses
}
