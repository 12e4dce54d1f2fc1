/** The contracts as API tools read them: one FileDescriptorSet, with comments, of what can be called from outside. */
import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { clone, create, createFileRegistry, type DescService, getOption, toBinary } from '@bufbuild/protobuf'
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  type FileDescriptorSet,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt'
import { type MethodPolicy, method as policyOption } from '@site11/proto/es/site11/policy/v1/policy_pb.ts'
import { remember } from '../control-plane/remember.ts'
import type { StaticFile } from '../http/static.ts'
import { type Contract, mergedContracts, sameContracts } from './contracts.ts'

/** @returns a function that gives the set as a file to be served, made anew only when a contract has changed. */
export const createDescriptorsFile = (): ((services: Contract[]) => StaticFile) =>
  remember(services => {
    const body = Buffer.from(toBinary(FileDescriptorSetSchema, publicDescriptors(mergedContracts(services))))
    const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`
    return { body, encoded: [['gzip', gzipSync(body)]], type: 'application/x-protobuf', etag, immutable: false }
  }, sameContracts)

/** @returns whether the edge routes a method with this policy. */
export function isForUsers({ access }: MethodPolicy): boolean {
  return access.case !== undefined && access.case !== 'internal' && Boolean(access.value)
}

/** @returns the set without the methods that are for services only, and without the services that have no other. */
export function publicDescriptors(set: FileDescriptorSet): FileDescriptorSet {
  const services = new Map(
    [...createFileRegistry(set)].flatMap(desc => (desc.kind === 'service' ? [[desc.proto, desc]] : [])),
  )
  const file = set.file.map(each => {
    const kept = each.service.map(service => keptMethods(services.get(service)))
    return withMethods(each, kept)
  })
  return create(FileDescriptorSetSchema, { file })
}

/** The places of the methods that are kept. */
function keptMethods(service: DescService | undefined): number[] {
  return (service?.methods ?? []).flatMap((method, index) =>
    isForUsers(getOption(method, policyOption)) ? [index] : [],
  )
}

/** A comment is found by the place of what it stands before: where that moves, it has to follow. */
function withMethods(file: FileDescriptorProto, kept: number[][]): FileDescriptorProto {
  const result = clone(FileDescriptorProtoSchema, file)
  const places = kept.flatMap((methods, index) => (methods.length > 0 ? [index] : []))
  result.service = places.flatMap(place => {
    const service = result.service[place]
    if (!service) return []
    service.method = service.method.filter((_, index) => kept[place]?.includes(index))
    return [service]
  })
  if (!result.sourceCodeInfo) return result
  result.sourceCodeInfo.location = result.sourceCodeInfo.location.filter(location => {
    // Contracts come without the lines and columns, which some readers refuse to do without.
    if (location.span.length < 3) location.span = [0, 0, 0]
    const [kind, service, member, method] = location.path
    if (kind !== serviceOfFile || service === undefined) return true
    const place = places.indexOf(service)
    if (place < 0) return false
    location.path[1] = place
    if (member !== methodOfService || method === undefined) return true
    const moved = kept[service]?.indexOf(method) ?? -1
    location.path[3] = moved
    return moved >= 0
  })
  return result
}

/** Numbers of fields in descriptor.proto, which the paths of SourceCodeInfo consist of. */
const serviceOfFile = 6
const methodOfService = 2
