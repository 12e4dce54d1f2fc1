/** What the contract says of a field, for forms and tables: pure. */
import {
  type DescField,
  type DescMessage,
  getOption,
  hasOption,
  type JsonObject,
  type JsonValue,
  ScalarType,
} from '@bufbuild/protobuf'
import { isWrapperDesc } from '@bufbuild/protobuf/wkt'
import { type FieldRules, field as fieldRules } from '@site11/proto/es/buf/validate/validate_pb.ts'
import { FieldBehavior, field_behavior } from '@site11/proto/es/google/api/field_behavior_pb.ts'

/** Whether only the server sets it. */
export const isOutputOnly = (field: DescField): boolean =>
  hasOption(field, field_behavior) && getOption(field, field_behavior).includes(FieldBehavior.OUTPUT_ONLY)

export const rulesOf = (field: DescField): FieldRules | undefined =>
  hasOption(field, fieldRules) ? getOption(field, fieldRules) : undefined

/** Whether a request without it is refused. */
export function isRequired(field: DescField): boolean {
  const rules = rulesOf(field)
  if (!rules) return false
  if (rules.required) return true
  if (rules.ignore !== 0 || field.presence === 1) return false
  const { type } = rules
  if (type.case === 'string') return Number(type.value.minLen) > 0 || type.value.wellKnown.value === true
  if (type.case === 'repeated') return Number(type.value.minItems) > 0
  if (type.case === 'enum') return type.value.notIn.includes(0)
  return false
}

/** Messages whose JSON is no object of their fields: one value, edited as one. */
export const isOneValue = (message: DescMessage): boolean =>
  wellKnown.has(message.typeName) || isWrapperDesc(message) || message.typeName === 'google.protobuf.Any'

const wellKnown = new Set(
  ['Timestamp', 'Duration', 'FieldMask', 'Struct', 'Value', 'ListValue'].map(name => `google.protobuf.${name}`),
)

/** @returns the type as the contract writes it, such as `repeated string`. */
export function typeName(field: DescField): string {
  const single = (): string => {
    if (field.message) return shortName(field.message.typeName)
    if (field.enum) return shortName(field.enum.typeName)
    return scalarName(field.scalar)
  }
  if (field.fieldKind === 'list') return `repeated ${single()}`
  if (field.fieldKind === 'map') return `map<${scalarName(field.mapKey)}, ${single()}>`
  return single()
}

const shortName = (name: string) => name.slice(name.lastIndexOf('.') + 1)

export const scalarName = (type: ScalarType | undefined): string =>
  type === undefined ? '' : (ScalarType[type]?.toLowerCase() ?? '')

/** @returns the rules as short as the contract has them, such as `max_len: 100`; those of items and entries with what they are of. */
export function constraints(field: DescField): string[] {
  const rules = rulesOf(field)
  return rules ? [...constraintsOf(rules), ...rules.cel.map(({ message, id }) => message || id)] : []
}

function constraintsOf(rules: FieldRules | undefined, prefix = ''): string[] {
  const { type } = rules ?? {}
  if (!type?.case) return []
  if (type.case === 'repeated') {
    const { minItems, maxItems, unique, items } = type.value
    return [
      ...named(prefix, { min_items: minItems, max_items: maxItems, unique }),
      ...constraintsOf(items, `${prefix}items.`),
    ]
  }
  if (type.case === 'map') {
    const { minPairs, maxPairs, keys, values } = type.value
    return [
      ...named(prefix, { min_pairs: minPairs, max_pairs: maxPairs }),
      ...constraintsOf(keys, `${prefix}keys.`),
      ...constraintsOf(values, `${prefix}values.`),
    ]
  }
  const found: Record<string, unknown> = {}
  // Lower limits come after upper ones in the contract of the rules.
  for (const [name, value] of Object.entries(type.value).toReversed()) {
    if (name === '$typeName' || name === '$unknown' || name === 'example') continue
    if (isChoice(value)) {
      if (value.case) found[snake(value.case)] = value.value
    } else found[snake(name)] = value
  }
  return named(prefix, found)
}

const isChoice = (value: unknown): value is { case: string | undefined; value: unknown } =>
  typeof value === 'object' && value !== null && 'case' in value

function named(prefix: string, rules: Record<string, unknown>): string[] {
  return Object.entries(rules).flatMap(([name, value]) => {
    if (value === undefined || value === false || value === '' || (Array.isArray(value) && value.length === 0))
      return []
    // Zero is the default where the contract says nothing, but a limit where it does.
    if ((value === 0 || value === 0n) && !/^(gte?|lte?|const)$/.test(name)) return []
    return [value === true ? `${prefix}${name}` : `${prefix}${name}: ${text(value)}`]
  })
}

function text(value: unknown): string {
  if (Array.isArray(value)) return value.map(text).join(', ')
  if (typeof value === 'object' && value !== null && 'nanos' in value && 'seconds' in value) {
    return `${Number(value.seconds) + Number(value.nanos) / 1e9}s`
  }
  return String(value)
}

const snake = (name: string) => name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)

/** @returns what stands in a field that was just added: in an item of a list, the value of an entry, the member of a oneof. */
export function emptyValue(field: DescField): JsonValue {
  if (field.message) return emptyMessage(field.message)
  if (field.enum) return field.enum.values[0]?.name ?? 0
  switch (field.scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return ''
    case ScalarType.BOOL:
      return false
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return '0'
    default:
      return 0
  }
}

function emptyMessage(message: DescMessage): JsonValue {
  const [value] = message.fields
  if (isWrapperDesc(message) && value) return emptyValue(value)
  switch (message.typeName) {
    case 'google.protobuf.Timestamp':
      return new Date().toISOString()
    case 'google.protobuf.Duration':
      return '0s'
    case 'google.protobuf.FieldMask':
      return ''
    case 'google.protobuf.Value':
      return null
    case 'google.protobuf.ListValue':
      return []
    default:
      return {} satisfies JsonObject
  }
}
