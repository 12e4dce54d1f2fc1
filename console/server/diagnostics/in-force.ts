/** The contracts that proxies are given, as they are read for people. */
import { create, createFileRegistry, type DescService } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { ownerOf, readDescriptors } from '../control-plane/descriptors.ts'
import { compare } from './words.ts'

export interface InForce {
  /** The service. */
  name: string
  /** A serialized FileDescriptorSet. */
  contract: Uint8Array
}

/**
 * Reads what can be said of each contract once, as contracts change seldom and cost much to read.
 * @returns what `read` finds in the service's own files, by their names; nothing where a contract cannot be read: the edge was not given it.
 */
export function readingOnce<T>(read: (service: string, own: DescService) => T[]): (inForce: InForce) => readonly T[] {
  const known = new WeakMap<Uint8Array, { name: string; found: T[] }>()
  return ({ name, contract }) => {
    const before = known.get(contract)
    if (before?.name === name) return before.found
    const found = servicesIn(name, contract).flatMap(each => read(name, each))
    known.set(contract, { name, found })
    return found
  }
}

function servicesIn(service: string, contract: Uint8Array): DescService[] {
  try {
    const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: readDescriptors(contract) }))
    return [...registry.files]
      .filter(file => ownerOf(file.proto) === service)
      .sort((a, b) => compare(a.name, b.name))
      .flatMap(file => file.services)
  } catch {
    return []
  }
}
