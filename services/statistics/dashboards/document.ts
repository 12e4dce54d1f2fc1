/** Dashboards as JSON documents that can be taken elsewhere. Pure. */
import {
  type DescField,
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonObject,
  type JsonValue,
  ScalarType,
  toBinary,
  toJson,
} from '@bufbuild/protobuf'
import { DashboardSchema } from '@site11/proto/es/site11/statistics/v1/dashboards_service_pb.ts'
import { Dashboard } from '@site11/proto/grpc/site11/statistics/v1/dashboards_service.ts'
import { type FieldViolation, invalidArgument } from '@site11/runtime/errors.ts'
import { violationOf } from '@site11/runtime/validate.ts'
import { requireSound } from './dashboard.ts'

export const format = 'site11.dashboard'
export const version = 1

/** What a document holds of a dashboard: all that makes sense elsewhere. */
const fields = ['title', 'description', 'panels', 'variables', 'range'] as const

/** @returns the document of a dashboard, in version 1. */
export function exported({ title, description, panels, variables, range }: Dashboard): JsonObject {
  const kept = Dashboard.fromPartial({ title, description, panels, variables, ...(range && { range }) })
  const message = fromBinary(DashboardSchema, Dashboard.encode(kept).finish())
  return { format, version, ...(toJson(DashboardSchema, message) as JsonObject) }
}

/** @returns the dashboard in a document. @throws ServiceError INVALID_FIELD naming each place that is not right. */
export function imported(document: Record<string, unknown>): Dashboard {
  const { format: itsFormat, version: itsVersion, ...content } = document as JsonObject
  if (itsFormat !== format)
    refuse([{ field: 'document.format', description: `It must be "${format}": this is no exported dashboard.` }])
  if (itsVersion !== version) {
    const description = `It must be ${version}, the one version there is. A document of a later one needs a later release.`
    refuse([{ field: 'document.version', description }])
  }
  const problems = [...problemsOf(DashboardSchema, content, 'document', fields)]
  if (problems.length > 0) refuse(problems)
  const bytes = toBinary(DashboardSchema, fromJson(DashboardSchema, content))
  const broken = violationOf(DashboardSchema, bytes)?.details.violations ?? []
  if (broken.length > 0) refuse(broken.map(({ field, description }) => ({ field: `document.${field}`, description })))
  const dashboard = Dashboard.decode(bytes)
  requireSound(dashboard, 'document')
  return dashboard
}

function refuse(violations: FieldViolation[]): never {
  const some = violations.slice(0, 50)
  const message = some.map(({ field, description }) => `${field}: ${description}`).join(' ')
  throw invalidArgument('INVALID_FIELD', message, some)
}

/** What keeps JSON from being a message, with the place of each. The library alone does not tell the place. */
function* problemsOf(
  desc: DescMessage,
  json: JsonValue,
  path: string,
  allowed: readonly string[] = desc.fields.map(({ jsonName }) => jsonName),
): Iterable<FieldViolation> {
  if (!isObject(json)) {
    yield { field: path, description: 'It must be an object.' }
    return
  }
  for (const [name, value] of Object.entries(json)) {
    const place = `${path}.${name}`
    const field = desc.fields.find(({ jsonName }) => jsonName === name)
    if (!field || !allowed.includes(name)) {
      yield { field: place, description: `There is no field ${name}. Possible are ${allowed.join(', ')}.` }
    } else yield* fieldProblems(desc, field, value, place)
  }
}

function* fieldProblems(
  desc: DescMessage,
  field: DescField,
  value: JsonValue,
  place: string,
): Iterable<FieldViolation> {
  const { message } = field
  // Of those of Google's, such as durations, the JSON form has no fields.
  const own = message && !message.typeName.startsWith('google.protobuf.') ? message : undefined
  if (own && field.fieldKind === 'list') {
    if (!Array.isArray(value)) yield { field: place, description: 'It must be a list.' }
    else for (const [index, each] of value.entries()) yield* problemsOf(own, each, `${place}[${index}]`)
  } else if (own) yield* problemsOf(own, value, place)
  else if (!isReadable(desc, field, value)) yield { field: place, description: `It must be ${kindOf(field)}.` }
}

function isReadable(desc: DescMessage, { jsonName }: DescField, value: JsonValue): boolean {
  if (value === null) return false
  try {
    fromJson(desc, { [jsonName]: value })
    return true
  } catch {
    return false
  }
}

function kindOf({ fieldKind, enum: names, scalar, message }: DescField): string {
  if (fieldKind === 'list') return 'a list of texts'
  if (names)
    return `one of ${names.values
      .slice(1)
      .map(({ name }) => name)
      .join(', ')}`
  if (message) return 'a duration, such as "3600s"'
  if (scalar === ScalarType.BOOL) return 'true or false'
  return scalar === ScalarType.STRING ? 'a text' : scalar === ScalarType.DOUBLE ? 'a number' : 'a whole number'
}

const isObject = (json: JsonValue): json is JsonObject =>
  typeof json === 'object' && json !== null && !Array.isArray(json)
