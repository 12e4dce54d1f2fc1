/** A request while it is being written: protobuf's JSON, which may be wrong anywhere yet. All functions are pure. */
import {
  type DescField,
  type DescMessage,
  fromJson,
  type JsonObject,
  type JsonValue,
  type Registry,
} from '@bufbuild/protobuf'
import { isObject } from '../api/rest-call.ts'
import { isOneValue, scalarName } from './field-facts.ts'

/** What is wrong at a place. The path is as services write it, such as `user.display_name`, `ids[0]` or `profile["company"]`. */
export interface Issue {
  path: string
  /** For a form that is wrong: what is expected. */
  expected?: { kind: 'type'; type: string } | { kind: 'unknown' } | { kind: 'oneof'; names: string[] }
  /** For a rule that is broken. */
  rule?: { id: string; message: string; limit: string | undefined }
}

export const at = (parent: string, field: DescField) => (parent ? `${parent}.${field.name}` : field.name)
export const atItem = (path: string, index: number) => `${path}[${index}]`
/** Of what is wrong with a key itself. */
export const atKeyOf = (path: string, key: string) => `${atKey(path, key)}#key`
export const atKey = (path: string, key: string) => `${path}[${JSON.stringify(key)}]`

/** @returns the value of a field, under either of its names. */
export const fieldValue = (json: JsonObject, field: DescField): JsonValue | undefined =>
  json[field.jsonName] ?? json[field.name]

/** @returns the message with a field set, or without it. A member of a oneof takes the place of the others. */
export function withValue(json: JsonObject, field: DescField, value: JsonValue | undefined): JsonObject {
  const others = field.oneof?.fields ?? [field]
  const gone = new Set(others.flatMap(each => [each.jsonName, each.name]))
  if (value === undefined) return omit(json, new Set([field.jsonName, field.name]))
  const known = Object.keys(json).find(name => name === field.jsonName || name === field.name)
  // A field that is there keeps its place.
  if (known) return { ...omit(json, new Set([...gone].filter(name => name !== known))), [known]: value }
  return { ...omit(json, gone), [field.jsonName]: value }
}

const omit = (json: JsonObject, names: Set<string>): JsonObject =>
  Object.fromEntries(Object.entries(json).filter(([name]) => !names.has(name)))

/** @returns where a message in JSON has not the form that the contract gives it. */
export function formIssues(message: DescMessage, json: JsonValue, registry: Registry, path = ''): Issue[] {
  if (!isObject(json)) return [wrongType(path, message.name)]
  return Object.entries(json).flatMap(([name, value]): Issue[] => {
    const field = message.fields.find(each => each.jsonName === name || each.name === name)
    const own = path ? `${path}.${name}` : name
    if (!field) return [{ path: own, expected: { kind: 'unknown' } }]
    const place = at(path, field)
    const rivals = (field.oneof?.fields ?? []).filter(each => fieldValue(json, each) !== undefined)
    if (rivals.length > 1) {
      return [{ path: place, expected: { kind: 'oneof', names: rivals.map(each => each.jsonName) } }]
    }
    if (value === null && !takesNull(field)) return []
    return fieldIssues(field, value, registry, place)
  })
}

const takesNull = (field: DescField) => field.message?.typeName === 'google.protobuf.Value'

function fieldIssues(field: DescField, value: JsonValue, registry: Registry, path: string): Issue[] {
  const inner = field.message && !isOneValue(field.message) ? field.message : undefined
  if (field.fieldKind === 'list') {
    if (!Array.isArray(value)) return [wrongType(path, '[ ]')]
    return value.flatMap((item, index) =>
      inner
        ? formIssues(inner, item, registry, atItem(path, index))
        : oneIssue(field, [item], registry, atItem(path, index)),
    )
  }
  if (field.fieldKind === 'map') {
    if (!isObject(value)) return [wrongType(path, '{ }')]
    return Object.entries(value).flatMap(([key, each]) =>
      inner
        ? formIssues(inner, each, registry, atKey(path, key))
        : oneIssue(field, { [key]: each }, registry, atKey(path, key)),
    )
  }
  return inner ? formIssues(inner, value, registry, path) : oneIssue(field, value, registry, path)
}

/** A single value is right when protobuf takes it. */
function oneIssue(field: DescField, value: JsonValue, registry: Registry, path: string): Issue[] {
  try {
    fromJson(field.parent, { [field.jsonName]: value }, { registry })
    return []
  } catch {
    return [wrongType(path, field.message?.name ?? field.enum?.name ?? scalarName(field.scalar))]
  }
}

const wrongType = (path: string, type: string): Issue => ({ path, expected: { kind: 'type', type } })
