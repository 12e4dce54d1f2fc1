/** File descriptors of several services, merged into the one set that Envoy's transcoder needs. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  type FileDescriptorSet,
  FileDescriptorSetSchema,
  file_google_protobuf_any,
  file_google_protobuf_duration,
} from '@bufbuild/protobuf/wkt'
import { file_google_rpc_error_details } from '@site11/proto/es/google/rpc/error_details_pb.ts'
import { file_google_rpc_status } from '@site11/proto/es/google/rpc/status_pb.ts'

/** Envoy prints a status with details as JSON only when it knows their types; no contract need import them. */
const statusFiles = [
  file_google_protobuf_any,
  file_google_protobuf_duration,
  file_google_rpc_status,
  file_google_rpc_error_details,
].map(file => file.proto)

export type ServiceFiles = { service: string; files: FileDescriptorProto[] }

/**
 * Reads a serialized FileDescriptorSet; its files, each after those it imports, with their comments only when asked for: they
 * are not for proxies. Throws an Error.
 */
export function readDescriptors(contract: Uint8Array, { comments = false } = {}): FileDescriptorProto[] {
  const { file } = fromBinary(FileDescriptorSetSchema, contract)
  if (file.length === 0) throw new Error('the descriptor set is empty')
  if (!comments) for (const each of file) each.sourceCodeInfo = undefined
  return sorted(file)
}

/** The service that a file belongs to: the middle of its package `site11.<service>.v1`; empty for the files of nobody. */
export function ownerOf(file: FileDescriptorProto): string {
  const [root, service, version] = file.package.split('.')
  return root === 'site11' && service && version ? service : ''
}

/**
 * One set of all files, each after those it imports. Services bring the same file in different versions while a new
 * version is rolled out. A file that belongs to a service is taken from that service. Of any other, the longest is taken,
 * since contracts only grow. Throws an Error when the files do not fit together.
 */
export function mergeDescriptors(services: ServiceFiles[]): FileDescriptorSet {
  const chosen = new Map<string, { file: FileDescriptorProto; own: boolean; size: number; text: string }>()
  const candidates = [...services, { service: '', files: statusFiles }].flatMap(({ service, files }) =>
    files.map(file => ({ service, file })),
  )
  for (const { service, file } of candidates) {
    const bytes = toBinary(FileDescriptorProtoSchema, file)
    const own = ownerOf(file) !== '' && ownerOf(file) === service
    const candidate = { file, own, size: bytes.length, text: Buffer.from(bytes).toString('latin1') }
    const present = chosen.get(file.name)
    if (present?.text === candidate.text) continue
    if (!present || wins(candidate, present)) chosen.set(file.name, candidate)
  }
  const files = [...chosen.values()].map(each => each.file)
  refuseDoubleNames(files)
  return create(FileDescriptorSetSchema, { file: sorted(files.sort((a, b) => (a.name < b.name ? -1 : 1))) })
}

/** Envoy would refuse the whole set for a name that two files give. */
function refuseDoubleNames(files: FileDescriptorProto[]): void {
  const origin = new Map<string, string>()
  for (const file of files) {
    for (const { name } of [...file.messageType, ...file.enumType, ...file.service, ...file.extension]) {
      const full = `${file.package}.${name}`
      const other = origin.get(full)
      if (other) throw new Error(`${full} is defined in ${other} and in ${file.name}`)
      origin.set(full, file.name)
    }
  }
}

type Candidate = { own: boolean; size: number; text: string }

function wins(a: Candidate, b: Candidate): boolean {
  if (a.own !== b.own) return a.own
  if (a.size !== b.size) return a.size > b.size
  return a.text > b.text
}

/** Each file after those it imports. Throws an Error for an import that is missing or leads in a circle. */
function sorted(files: FileDescriptorProto[]): FileDescriptorProto[] {
  const byName = new Map(files.map(file => [file.name, file]))
  const done = new Set<string>()
  const open = new Set<string>()
  const result: FileDescriptorProto[] = []
  const visit = (name: string, importer: string) => {
    if (done.has(name)) return
    const file = byName.get(name)
    if (!file) throw new Error(`${importer} imports ${name}, which is not in the descriptor set`)
    if (open.has(name)) throw new Error(`${name} imports itself by way of ${importer}`)
    open.add(name)
    for (const dependency of file.dependency) visit(dependency, name)
    done.add(name)
    result.push(file)
  }
  for (const file of files) visit(file.name, '')
  return result
}
