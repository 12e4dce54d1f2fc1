/** Contracts for tests of services that do not exist. */
import { readFileSync } from 'node:fs'
import { create, fromBinary, setExtension, toBinary } from '@bufbuild/protobuf'
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  MethodOptionsSchema,
} from '@bufbuild/protobuf/wkt'
import { site11Descriptors } from '@site11/proto/descriptors'
import { http } from '@site11/proto/es/google/api/annotations_pb.ts'
import { HttpRuleSchema } from '@site11/proto/es/google/api/http_pb.ts'
import { MethodPolicySchema, method as policy } from '@site11/proto/es/site11/policy/v1/policy_pb.ts'

/**
 * @returns the contract of a service `site11.<service>.v1.FakeService` with the methods `Method0`, `Method1` and so on: open to
 * whoever is signed in, of empty messages, each bound to GET at a path of its own.
 */
export function contractOfFake(
  service: string,
  methods: number,
  pathOf = (method: number) => `/api/v1/${service}/${method}`,
): Buffer {
  const own = `site11.${service}.v1`
  const file = create(FileDescriptorProtoSchema, {
    name: `site11/${service}/v1/fake.proto`,
    package: own,
    dependency: imports,
    syntax: 'proto3',
    messageType: [{ name: 'Empty' }],
    service: [
      {
        name: 'FakeService',
        method: Array.from({ length: methods }, (_, index) => {
          const options = create(MethodOptionsSchema)
          setExtension(options, http, create(HttpRuleSchema, { pattern: { case: 'get', value: pathOf(index) } }))
          const access = { case: 'authenticated', value: true } as const
          setExtension(options, policy, create(MethodPolicySchema, { access, timeout: { seconds: 1n } }))
          return { name: `Method${index}`, inputType: `.${own}.Empty`, outputType: `.${own}.Empty`, options }
        }),
      },
    ],
  })
  const files = [...importedFiles(), file]
  return Buffer.from(toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: files })))
}

const imports = ['google/api/annotations.proto', 'site11/policy/v1/policy.proto']

/** The files that such a contract imports, with all that these import, in the order in which they need each other. */
function importedFiles(): FileDescriptorProto[] {
  const { file } = fromBinary(FileDescriptorSetSchema, readFileSync(site11Descriptors))
  const all = new Map(file.map(each => [each.name, each]))
  const files = new Map<string, FileDescriptorProto>()
  const add = (name: string) => {
    const found = all.get(name)
    if (!found || files.has(name)) return
    for (const dependency of found.dependency) add(dependency)
    files.set(name, { ...found, sourceCodeInfo: undefined })
  }
  for (const name of imports) add(name)
  return [...files.values()]
}
