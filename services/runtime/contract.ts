/**
 * What a process knows of the contracts: for each method its policy and the shape of its request, and the descriptors that an
 * instance registers with.
 */
import { readFileSync } from 'node:fs'
import { create, createFileRegistry, type DescMethod, fromBinary, getOption, toBinary } from '@bufbuild/protobuf'
import {
  type FileDescriptorProto,
  type FileDescriptorSet,
  FileDescriptorSetSchema,
  SourceCodeInfo_LocationSchema,
  SourceCodeInfoSchema,
} from '@bufbuild/protobuf/wkt'
import type { MethodDefinition, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js'
import { site11Descriptors } from '@site11/proto/descriptors'
import { type MethodPolicy, method as policyOption } from '@site11/proto/es/site11/policy/v1/policy_pb.ts'

const descriptors: FileDescriptorSet = fromBinary(FileDescriptorSetSchema, readFileSync(site11Descriptors))

/** Every message and service of the contracts. */
export const registry = createFileRegistry(descriptors)

export interface Method {
  /** `/package.Service/Method`. */
  path: string
  desc: DescMethod
  /** Undefined when the contract states none: then nobody may call. */
  policy: MethodPolicy | undefined
}

/** @returns contract facts of the method at `/package.Service/Method`. Throws when the contracts do not have it. */
export function methodAt(path: string): Method {
  const [, service = '', name = ''] = path.split('/')
  const desc = registry.getService(service)?.methods.find(method => method.name === name)
  if (!desc) throw new Error(`The contracts have no method ${path}; run npm run generate.`)
  const policy = getOption(desc, policyOption)
  return { path, desc, policy: policy.access.case ? policy : undefined }
}

/** @returns the serialized FileDescriptorSet of the services with all imports and, of our own files, the comments: they are the documentation. */
export function contractOf(definitions: ServiceDefinition<UntypedServiceImplementation>[]): Uint8Array {
  const files = new Map(descriptors.file.map(file => [file.name, file]))
  const wanted = new Map<string, FileDescriptorProto>()
  const want = (name: string) => {
    const file = files.get(name)
    if (!file || wanted.has(name)) return
    for (const dependency of file.dependency) want(dependency)
    wanted.set(name, { ...file, sourceCodeInfo: name.startsWith('site11/') ? comments(file) : undefined })
  }
  for (const definition of definitions) {
    for (const { path } of Object.values(definition) as MethodDefinition<unknown, unknown>[]) {
      want(methodAt(path).desc.parent.file.proto.name)
    }
  }
  return toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [...wanted.values()] }))
}

/** The source info without what only compilers want. */
function comments({ sourceCodeInfo }: FileDescriptorProto) {
  const location = sourceCodeInfo?.location
    .filter(({ leadingComments }) => leadingComments)
    .map(({ path, leadingComments = '' }) => create(SourceCodeInfo_LocationSchema, { path, leadingComments }))
  return create(SourceCodeInfoSchema, { location: location ?? [] })
}
