/** What the Console knows again when it starts: keys, authorities, contracts, and the mesh as the journal tells it. */
import { join } from 'node:path'
import { createVerifier } from '@site11/runtime/caller.ts'
import { trustFileOf } from '@site11/runtime/config.ts'
import { createIdentity } from '@site11/runtime/identity.ts'
import type { Log } from '@site11/runtime/log.ts'
import type { Store } from '@site11/runtime/store/connect.ts'
import { loadAuthorities } from './ca/authorities.ts'
import { createMeshTrust } from './ca/mesh-trust.ts'
import type { ConsoleConfig } from './config.ts'
import { openJournal } from './journal/journal.ts'
import { loadKeys } from './keys/keys.ts'
import { loadContracts } from './registry/contracts.ts'
import { runRegistry } from './registry/live-registry.ts'
import { createTokens } from './tokens.ts'

export type Known = Awaited<ReturnType<typeof loadKnown>>

/** @throws StartError when the stored keys cannot be decrypted. */
export async function loadKnown(config: ConsoleConfig, { db }: Store, log: Log) {
  const secretKey = config.SITE11_SECRET_KEY
  const keys = await loadKeys({ db, secretKey, log })
  const authorities = await loadAuthorities({ db, secretKey, log })
  const identity = createIdentity()
  const trust = createMeshTrust({
    authorities,
    identity,
    instance: config.SITE11_INSTANCE,
    files: { trust: trustFileOf(config), folder: join(config.SITE11_HOME, 'envoy') },
    log,
  })
  const contracts = await loadContracts(db)
  const journal = await openJournal({ db, secretKey, prepare: contracts.store, log })
  const registry = runRegistry({ journal, contracts, log })
  const tokens = createTokens(keys, config.SITE11_PUBLIC_URL)
  return { keys, authorities, identity, trust, journal, registry, tokens, verifier: createVerifier() }
}
