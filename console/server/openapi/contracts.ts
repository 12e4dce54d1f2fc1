/** The contracts of the registered services as one, with their comments, for those who document them. */
import type { FileDescriptorSet } from '@bufbuild/protobuf/wkt'
import { mergeDescriptors, readDescriptors } from '../control-plane/descriptors.ts'

export interface Contract {
  name: string
  contract: Uint8Array
}

/** @returns the files of all contracts. @throws Error when they do not fit together. */
export function mergedContracts(services: Contract[]): FileDescriptorSet {
  return mergeDescriptors(
    services.map(({ name, contract }) => ({ service: name, files: readDescriptors(contract, { comments: true }) })),
  )
}

/** Whether nothing has changed: contracts are replaced, never altered. */
export const sameContracts = (a: Contract[], b: Contract[]): boolean =>
  a.length === b.length && a.every(({ contract }, index) => contract === b[index]?.contract)
