/** A contract with every kind of field, for tests. */
import { create, type MessageInitShape, setExtension } from '@bufbuild/protobuf'
import {
  type FieldDescriptorProtoSchema,
  FileDescriptorProtoSchema,
  type FileDescriptorSet,
  FileDescriptorSetSchema,
  file_google_protobuf_any,
  file_google_protobuf_descriptor,
  file_google_protobuf_duration,
  file_google_protobuf_field_mask,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
  FieldDescriptorProto_Label as Label,
  MethodOptionsSchema,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt'
import { file_buf_validate_validate } from '@site11/proto/es/buf/validate/validate_pb.ts'
import { file_google_api_annotations, http } from '@site11/proto/es/google/api/annotations_pb.ts'
import { file_google_api_http, HttpRuleSchema } from '@site11/proto/es/google/api/http_pb.ts'
import {
  file_site11_policy_v1_policy,
  MethodPolicySchema,
  method as policy,
} from '@site11/proto/es/site11/policy/v1/policy_pb.ts'

const known = [
  file_google_protobuf_descriptor,
  file_google_protobuf_any,
  file_google_protobuf_duration,
  file_google_protobuf_field_mask,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
  file_buf_validate_validate,
  file_google_api_http,
  file_google_api_annotations,
  file_site11_policy_v1_policy,
].map(({ proto }) => proto)

let number = 0

type Field = MessageInitShape<typeof FieldDescriptorProtoSchema>

function field(name: string, type: Type, more: Field = {}): Field {
  number += 1
  const jsonName = name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
  return { name, jsonName, number, type, label: Label.OPTIONAL, ...more }
}

const of = (name: string, wellKnown: string) => field(name, Type.MESSAGE, { typeName: `.google.protobuf.${wellKnown}` })
const repeated = { label: Label.REPEATED }

function request(): Field[] {
  return [
    field('text', Type.STRING),
    field('amount', Type.INT32),
    field('large', Type.INT64),
    field('ratio', Type.DOUBLE),
    field('flag', Type.BOOL),
    field('data', Type.BYTES),
    field('colour', Type.ENUM, { typeName: '.site11.kinds.v1.Colour' }),
    field('words', Type.STRING, repeated),
    field('counts', Type.MESSAGE, { ...repeated, typeName: '.site11.kinds.v1.KindsRequest.CountsEntry' }),
    field('inner', Type.MESSAGE, { typeName: '.site11.kinds.v1.KindsRequest' }),
    field('inners', Type.MESSAGE, { ...repeated, typeName: '.site11.kinds.v1.KindsRequest' }),
    field('by_text', Type.STRING, { oneofIndex: 0 }),
    field('by_number', Type.UINT32, { oneofIndex: 0 }),
    field('maybe', Type.BOOL, { oneofIndex: 1, proto3Optional: true }),
    of('time', 'Timestamp'),
    of('duration', 'Duration'),
    of('mask', 'FieldMask'),
    of('wrapped', 'StringValue'),
    of('wrapped_number', 'Int64Value'),
    of('free', 'Struct'),
    of('value', 'Value'),
    of('any', 'Any'),
    field('password', Type.STRING),
  ]
}

/** @returns the contracts with the service `site11.kinds.v1.KindsService`, whose method `Try` takes every kind of field. */
export function kindsContract(): FileDescriptorSet {
  number = 0
  const options = create(MethodOptionsSchema)
  setExtension(options, policy, create(MethodPolicySchema, { access: { case: 'authenticated', value: true } }))
  setExtension(
    options,
    http,
    create(HttpRuleSchema, { pattern: { case: 'post', value: '/api/v1/kinds/{text}' }, body: '*' }),
  )
  const entry = (type: Type) => [
    { name: 'key', jsonName: 'key', number: 1, type: Type.STRING, label: Label.OPTIONAL },
    { name: 'value', jsonName: 'value', number: 2, type, label: Label.OPTIONAL },
  ]
  const own = create(FileDescriptorProtoSchema, {
    name: 'site11/kinds/v1/kinds_service.proto',
    package: 'site11.kinds.v1',
    syntax: 'proto3',
    dependency: known.map(({ name }) => name),
    enumType: [
      {
        name: 'Colour',
        value: ['UNSPECIFIED', 'RED', 'BLUE'].map((name, at) => ({ name: `COLOUR_${name}`, number: at })),
      },
    ],
    messageType: [
      {
        name: 'KindsRequest',
        field: request(),
        nestedType: [{ name: 'CountsEntry', field: entry(Type.INT32), options: { mapEntry: true } }],
        oneofDecl: [{ name: 'choice' }, { name: '_maybe' }],
      },
      { name: 'KindsResponse' },
    ],
    service: [
      {
        name: 'KindsService',
        method: [
          {
            name: 'Try',
            inputType: '.site11.kinds.v1.KindsRequest',
            outputType: '.site11.kinds.v1.KindsResponse',
            options,
          },
        ],
      },
    ],
  })
  return create(FileDescriptorSetSchema, { file: [...known, own] })
}
