/** JSON Schemas (2020-12, as OpenAPI 3.1 has them) of messages and fields, with what the contract's rules say of them. */
import { type DescEnum, type DescField, type DescMessage, getOption, hasOption, ScalarType } from '@bufbuild/protobuf'
import {
  type FieldRules,
  field as fieldRules,
  type StringRules,
} from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js'
import { commentOf } from '@site11/proto/comments'
import { FieldBehavior, field_behavior } from '@site11/proto/es/google/api/field_behavior_pb.ts'

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
export type Schema = { [key: string]: Json }

/** Collects the schemas of all messages and enums that are referred to, by their full names. */
export interface Schemas {
  /** A reference to the message, which is added when it is not there yet. */
  message(desc: DescMessage): Schema
  field(desc: DescField): Schema
  all(): { [name: string]: Schema }
}

/** Messages whose JSON is no object (protobuf.dev, "JSON Mapping"). */
const wellKnown: { [name: string]: Schema } = {
  'google.protobuf.Timestamp': { type: 'string', format: 'date-time' },
  'google.protobuf.Duration': { type: 'string', pattern: '^-?[0-9]+(\\.[0-9]{1,9})?s$', examples: ['1.5s'] },
  'google.protobuf.FieldMask': { type: 'string', description: 'Names of fields, separated by commas.' },
  'google.protobuf.Struct': { type: 'object' },
  'google.protobuf.Value': {},
  'google.protobuf.Any': { type: 'object', properties: { '@type': { type: 'string' } }, required: ['@type'] },
}

const scalars: { [type in ScalarType]: Schema } = {
  [ScalarType.DOUBLE]: { type: 'number', format: 'double' },
  [ScalarType.FLOAT]: { type: 'number', format: 'float' },
  // 64 bits do not fit a JSON number.
  [ScalarType.INT64]: { type: 'string', format: 'int64' },
  [ScalarType.UINT64]: { type: 'string', format: 'uint64' },
  [ScalarType.SINT64]: { type: 'string', format: 'int64' },
  [ScalarType.FIXED64]: { type: 'string', format: 'uint64' },
  [ScalarType.SFIXED64]: { type: 'string', format: 'int64' },
  [ScalarType.INT32]: { type: 'integer', format: 'int32' },
  [ScalarType.UINT32]: { type: 'integer', format: 'int64', minimum: 0 },
  [ScalarType.SINT32]: { type: 'integer', format: 'int32' },
  [ScalarType.FIXED32]: { type: 'integer', format: 'int64', minimum: 0 },
  [ScalarType.SFIXED32]: { type: 'integer', format: 'int32' },
  [ScalarType.BOOL]: { type: 'boolean' },
  [ScalarType.STRING]: { type: 'string' },
  [ScalarType.BYTES]: { type: 'string', contentEncoding: 'base64' },
}

export function createSchemas(): Schemas {
  const found = new Map<string, Schema>()
  const reference = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` })

  function message(desc: DescMessage): Schema {
    const known = wellKnown[desc.typeName]
    if (known) return { ...known }
    if (!found.has(desc.typeName)) {
      found.set(desc.typeName, {})
      found.set(desc.typeName, objectOf(desc))
    }
    return reference(desc.typeName)
  }

  function objectOf(desc: DescMessage): Schema {
    const properties = Object.fromEntries(desc.fields.map(each => [each.jsonName, field(each)]))
    const required = desc.fields.filter(each => rulesOf(each)?.required).map(each => each.jsonName)
    return {
      type: 'object',
      ...described(desc),
      properties,
      ...(required.length > 0 && { required }),
    }
  }

  function enumeration(desc: DescEnum): Schema {
    const values = desc.values.map(value => `- \`${value.name}\`: ${commentOf(value)}`)
    found.set(desc.typeName, {
      type: 'string',
      description: [commentOf(desc), ...values].join('\n'),
      enum: desc.values.map(value => value.name),
    })
    return reference(desc.typeName)
  }

  function single(desc: DescField, rules: FieldRules | undefined): Schema {
    if (desc.message && desc.fieldKind !== 'map') return message(desc.message)
    if (desc.enum && desc.fieldKind !== 'map') return enumeration(desc.enum)
    const scalar = desc.scalar === undefined ? {} : scalars[desc.scalar]
    return { ...scalar, ...limitsOf(rules) }
  }

  function field(desc: DescField): Schema {
    const rules = rulesOf(desc)
    const behaviour = hasOption(desc, field_behavior) ? getOption(desc, field_behavior) : []
    const readOnly = behaviour.includes(FieldBehavior.OUTPUT_ONLY) && { readOnly: true }
    const about = { ...described(desc), ...readOnly }
    if (desc.fieldKind === 'list') {
      const { items, minItems, maxItems, unique } = rules?.type.case === 'repeated' ? rules.type.value : {}
      return {
        type: 'array',
        items: single(desc, items),
        ...(minItems && { minItems: Number(minItems) }),
        ...(maxItems && { maxItems: Number(maxItems) }),
        ...(unique && { uniqueItems: true }),
        ...about,
      }
    }
    if (desc.fieldKind === 'map') {
      const { values, keys, maxPairs } = rules?.type.case === 'map' ? rules.type.value : {}
      const value =
        desc.mapKind === 'message'
          ? message(desc.message)
          : desc.mapKind === 'enum'
            ? enumeration(desc.enum)
            : scalars[desc.scalar]
      return {
        type: 'object',
        additionalProperties: { ...value, ...limitsOf(values) },
        ...(keys && { propertyNames: limitsOf(keys) }),
        ...(maxPairs && { maxProperties: Number(maxPairs) }),
        ...about,
      }
    }
    // What stands beside a $ref holds too (JSON Schema 2020-12).
    return { ...single(desc, rules), ...about }
  }

  return { message, field, all: () => Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1))) }
}

function described(desc: DescField | DescMessage): Schema {
  const description = commentOf(desc)
  return description ? { description } : {}
}

function rulesOf(desc: DescField): FieldRules | undefined {
  return hasOption(desc, fieldRules) ? getOption(desc, fieldRules) : undefined
}

/** The rules of one value, as far as JSON Schema has words for them. */
function limitsOf(rules: FieldRules | undefined): Schema {
  switch (rules?.type.case) {
    case 'string':
      return stringLimits(rules.type.value)
    case 'int32':
    case 'uint32':
    case 'float':
    case 'double': {
      const { greaterThan, lessThan } = rules.type.value
      return {
        ...(greaterThan.case === 'gte' && { minimum: greaterThan.value }),
        ...(greaterThan.case === 'gt' && { exclusiveMinimum: greaterThan.value }),
        ...(lessThan.case === 'lte' && { maximum: lessThan.value }),
        ...(lessThan.case === 'lt' && { exclusiveMaximum: lessThan.value }),
      }
    }
    default:
      return {}
  }
}

function stringLimits({ minLen, maxLen, pattern, wellKnown: kind, in: values }: StringRules): Schema {
  const formats: { [name: string]: string } = {
    email: 'email',
    uuid: 'uuid',
    hostname: 'hostname',
    uri: 'uri',
    ipv4: 'ipv4',
  }
  const format = kind.case && kind.value ? formats[kind.case] : undefined
  return {
    ...(minLen && { minLength: Number(minLen) }),
    ...(maxLen && { maxLength: Number(maxLen) }),
    ...(pattern && { pattern }),
    ...(format && { format }),
    ...(values.length > 0 && { enum: values }),
  }
}
