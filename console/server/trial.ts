/**
 * Which contract of each service the proxies are given. All contracts end up in the same routes and filters, so that one which a
 * proxy refuses would keep every later change from it. Such a contract is taken back: its service goes on with the one that was
 * accepted last, and everybody else is published as ever. Pure.
 */
import { createHash } from 'node:crypto'
import type { KnownService } from './registry/registry.ts'

type Services = ReadonlyMap<string, KnownService>

/**
 * @param waiting the services whose newest contract waits until it is known which of several a proxy refuses.
 * @returns the hash of the contract that proxies are given; undefined when there is none that they would take.
 */
export function contractInForce(
  name: string,
  { contractHash, acceptedHash, refused }: KnownService,
  waiting: ReadonlySet<string>,
): string | undefined {
  return waiting.has(name) || refused?.contractHash === contractHash ? acceptedHash : contractHash
}

/** @returns the services that proxies are given a contract of which they have not accepted yet, sorted. */
export function suspects(services: Services, waiting: ReadonlySet<string>): string[] {
  return [...services]
    .filter(([name, known]) => (contractInForce(name, known, waiting) ?? known.acceptedHash) !== known.acceptedHash)
    .map(([name]) => name)
    .sort()
}

export type Verdict =
  /** No new contract is in it: something else is refused. Or it is long replaced. */
  | { kind: 'none' }
  /** The only new contract in it. */
  | { kind: 'guilty'; service: string; contractHash: string }
  /** Several are new: all but the first are to wait, to see whether it is that one. */
  | { kind: 'unclear'; wait: string[] }

/**
 * @param refusedContracts the contracts in what a proxy refused, by service.
 * @returns whose fault it is, as far as that can be said.
 */
export function verdictOn(
  refusedContracts: ReadonlyMap<string, Uint8Array>,
  services: Services,
  waiting: ReadonlySet<string>,
): Verdict {
  const now = suspects(services, waiting)
  const hashes = new Map([...refusedContracts].map(([name, contract]) => [name, hashOf(contract)]))
  const then = [...services]
    .filter(([name, { acceptedHash }]) => hashes.has(name) && hashes.get(name) !== acceptedHash)
    .map(([name]) => name)
    .sort()
  const [service, ...others] = now
  const known = service === undefined ? undefined : services.get(service)
  // What was refused is not what is published now: the answer to that is still to come.
  if (service === undefined || !known || then.join() !== now.join()) return { kind: 'none' }
  return others.length > 0
    ? { kind: 'unclear', wait: others }
    : { kind: 'guilty', service, contractHash: known.contractHash }
}

const hashes = new WeakMap<Uint8Array, string>()

/** SHA-256 in hexadecimal; the same bytes are asked for again and again. */
export function hashOf(contract: Uint8Array): string {
  const found = hashes.get(contract) ?? createHash('sha256').update(contract).digest('hex')
  hashes.set(contract, found)
  return found
}
