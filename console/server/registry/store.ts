/**
 * The registry as it outlives a Console.
 *
 * Collection `instances`: `_id` name, what the instance said of itself, `draining`, `health`.
 * Collection `services`: `_id` name, `contractHash`, `contractTime`.
 * Collection `contracts`: `_id` SHA-256 in hexadecimal, `descriptors` (a serialized FileDescriptorSet).
 */
import type { AnyBulkWriteOperation, Binary, Collection, Db } from 'mongodb'
import { type Facts, type Health, restored, type State } from './registry.ts'

type InstanceDocument = Omit<Facts, 'instance'> & { _id: string; draining: boolean; health: Health }
interface ServiceDocument {
  _id: string
  contractHash: string
  contractTime: Date
}
interface ContractDocument {
  _id: string
  descriptors: Binary
}

export interface RegistryStore {
  /** @returns what was saved last, with the contracts by their hash. */
  load(nowMs: number): Promise<{ state: State; contracts: Map<string, Uint8Array> }>
  /** Saves what differs from what was saved or loaded last. Contracts go first: nothing refers to one that is not there. */
  save(state: State, contracts: ReadonlyMap<string, Uint8Array>): Promise<void>
}

export function createRegistryStore(db: Db): RegistryStore {
  const instances = db.collection<InstanceDocument>('instances')
  const services = db.collection<ServiceDocument>('services')
  const contracts = db.collection<ContractDocument>('contracts')
  const savedInstances = new Map<string, string>()
  const savedServices = new Map<string, string>()
  const savedContracts = new Set<string>()

  return {
    async load(nowMs) {
      const [foundInstances, foundServices, foundContracts] = await Promise.all([
        instances.find().toArray(),
        services.find().toArray(),
        contracts.find().toArray(),
      ])
      for (const { _id } of foundInstances) savedInstances.set(_id, '')
      for (const { _id } of foundServices) savedServices.set(_id, '')
      for (const { _id } of foundContracts) savedContracts.add(_id)
      const known = foundServices.filter(({ contractHash }) => savedContracts.has(contractHash))
      const state = restored(
        foundInstances
          .filter(({ service }) => known.some(({ _id }) => _id === service))
          .map(({ _id, ...facts }) => ({ ...facts, instance: _id })),
        new Map(known.map(({ _id, ...service }) => [_id, service])),
        nowMs,
      )
      return { state, contracts: new Map(foundContracts.map(({ _id, descriptors }) => [_id, descriptors.value()])) }
    },

    async save(state, held) {
      for (const [hash, descriptors] of held) {
        if (savedContracts.has(hash)) continue
        await contracts.updateOne(
          { _id: hash },
          { $set: { descriptors: descriptors as unknown as Binary } },
          { upsert: true },
        )
        savedContracts.add(hash)
      }
      await saveAll(
        services,
        savedServices,
        [...state.services].map(([_id, known]) => serviceDocument(_id, known)),
      )
      await saveAll(instances, savedInstances, [...state.instances.values()].map(instanceDocument))
      const unused = [...savedContracts].filter(hash => !held.has(hash))
      if (unused.length > 0) {
        await contracts.deleteMany({ _id: { $in: unused } })
        for (const hash of unused) savedContracts.delete(hash)
      }
    },
  }
}

/** Makes the collection hold the documents and no others; `saved` tells what it holds already. */
async function saveAll<D extends { _id: string }>(
  collection: Collection<D>,
  saved: Map<string, string>,
  documents: D[],
) {
  const wanted = new Map(documents.map(document => [document._id, document]))
  const changed = documents.filter(document => saved.get(document._id) !== JSON.stringify(document))
  const gone = [...saved.keys()].filter(id => !wanted.has(id))
  const writes = [
    ...changed.map(document => ({
      replaceOne: { filter: { _id: document._id }, replacement: document, upsert: true },
    })),
    ...gone.map(_id => ({ deleteOne: { filter: { _id } } })),
  ]
  if (writes.length === 0) return
  await collection.bulkWrite(writes as AnyBulkWriteOperation<D>[], { ordered: false })
  for (const document of changed) saved.set(document._id, JSON.stringify(document))
  for (const id of gone) saved.delete(id)
}

const serviceDocument = (
  _id: string,
  { contractHash, contractTime }: Omit<ServiceDocument, '_id'>,
): ServiceDocument => ({
  _id,
  contractHash,
  contractTime,
})

function instanceDocument(instance: Facts & { draining: boolean; health: Health }): InstanceDocument {
  const {
    service,
    instance: _id,
    version,
    address,
    ip,
    port,
    zone,
    startTime,
    contractHash,
    draining,
    health,
  } = instance
  return { _id, service, version, address, ip, port, zone, startTime, contractHash, draining, health }
}
