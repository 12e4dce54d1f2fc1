/**
 * The contracts that services have, by their hash.
 *
 * Collection `contracts`: `_id` SHA-256 in hexadecimal, `descriptors` (a serialized FileDescriptorSet).
 */
import type { Binary, Db } from 'mongodb'

interface ContractDocument {
  _id: string
  descriptors: Binary
}

export interface Contracts {
  /** Those in use, serialized FileDescriptorSets by their SHA-256 in hexadecimal. */
  held(): ReadonlyMap<string, Uint8Array>
  add(hash: string, descriptors: Uint8Array): void
  /** Stores those that are not stored yet; done before the journal refers to them. */
  store(): Promise<void>
  /** Drops all but these, of which the journal has the last word: after it is saved. */
  keep(hashes: ReadonlySet<string>): void
  /** Removes from the store what was dropped. */
  clean(): Promise<void>
}

export async function loadContracts(db: Db): Promise<Contracts> {
  const collection = db.collection<ContractDocument>('contracts')
  const documents = await collection.find().toArray()
  const held = new Map<string, Uint8Array>(documents.map(({ _id, descriptors }) => [_id, descriptors.value()]))
  const stored = new Set(held.keys())
  /** One after the other: what is removed must not be what was just stored again. */
  let turn = Promise.resolve()
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const done = turn.then(work)
    turn = done.catch(() => {})
    return done
  }

  async function store() {
    for (const [hash, descriptors] of held) {
      if (stored.has(hash)) continue
      const document = { descriptors: descriptors as unknown as Binary }
      await collection.updateOne({ _id: hash }, { $set: document }, { upsert: true })
      stored.add(hash)
    }
  }

  async function clean() {
    const unused = [...stored].filter(hash => !held.has(hash))
    if (unused.length === 0) return
    for (const hash of unused) stored.delete(hash)
    await collection.deleteMany({ _id: { $in: unused } })
  }

  return {
    held: () => held,
    add: (hash, descriptors) => void held.set(hash, descriptors),
    store: () => inTurn(store),
    keep(hashes) {
      for (const hash of held.keys()) if (!hashes.has(hash)) held.delete(hash)
    },
    clean: () => inTurn(clean),
  }
}
