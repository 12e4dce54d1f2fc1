/** The certificates that the Console makes with their keys: its own, those of proxies, and that of the failover. Kept in memory only. */
import { createPublicKey } from 'node:crypto'
import type { Peer } from '@site11/runtime/spiffe.ts'
import { spiffeIdOf } from '@site11/runtime/spiffe.ts'
import type { Authorities, Issued } from './authorities.ts'
import { newKeyPair } from './x509.ts'

/** PEM. */
export interface KeyedCertificate {
  certificateChain: string
  privateKey: string
}

type Held = KeyedCertificate & { issued: Issued; peer: Peer; lifeMs: number }

/** @returns a function that gives a certificate, the same one until half of its life is over or another authority signs. */
export function createCertificates(authorities: Pick<Authorities, 'issue' | 'signer'>, now: () => number = Date.now) {
  const held = new Map<string, Held>()
  return (peer: Peer, lifeMs: number): KeyedCertificate => {
    const id = spiffeIdOf(peer)
    const known = held.get(id)
    if (known && !isDue(known.issued, authorities.signer(), now())) return known
    const { privateKey } = newKeyPair()
    const issued = authorities.issue(peer, createPublicKey(privateKey), lifeMs)
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    for (const [name, { issued: old }] of held) if (old.expireTime.getTime() < now()) held.delete(name)
    const made = { certificateChain: issued.chain, privateKey: pem, issued, peer, lifeMs }
    held.set(id, made)
    return made
  }
}

/** @returns whether a certificate should be replaced. */
export function isDue({ authority, createTime, expireTime }: Issued, signer: string, nowMs: number): boolean {
  return authority !== signer || nowMs >= (createTime.getTime() + expireTime.getTime()) / 2
}
