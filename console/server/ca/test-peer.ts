/** For tests: somebody with a certificate of a mesh that runs, from its own authority, which only its owner can read. */
import { createIdentity, type Identity } from '@site11/runtime/identity.ts'
import { createLog } from '@site11/runtime/log.ts'
import type { Peer } from '@site11/runtime/spiffe.ts'
import { MongoClient, type MongoClientOptions } from 'mongodb'
import { loadAuthorities } from './authorities.ts'
import { createCertificates } from './certificates.ts'

/** @param url of the Console's database, which has an authority already. @param lifeMs of the certificate. */
export async function identityIn(
  url: string,
  secretKey: Buffer,
  peer: Peer,
  { lifeMs = 3_600_000, ...options }: MongoClientOptions & { lifeMs?: number } = {},
): Promise<Identity> {
  const client = new MongoClient(url, options)
  try {
    const authorities = await loadAuthorities({ db: client.db(), secretKey, log: createLog('test', 'silent') })
    const identity = createIdentity()
    const { certificateChain, privateKey } = createCertificates(authorities)(peer, lifeMs)
    identity.setTrust(authorities.bundle())
    identity.setCertificate({ chain: certificateChain, privateKey })
    return identity
  } finally {
    await client.close()
  }
}
