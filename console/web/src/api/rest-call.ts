/** How a call looks over REST: what `google.api.http` says of its method, filled in. */
import { type DescMethod, getOption, hasOption, type JsonObject, type JsonValue } from '@bufbuild/protobuf'
import { http } from '@site11/proto/es/google/api/annotations_pb.ts'

export interface RestCall {
  verb: string
  /** Encoded, without the query. A field that is missing stands as `{id}`. */
  path: string
  query: [name: string, value: string][]
  /** Undefined when the method takes none. */
  body: JsonValue | undefined
  /** Fields that are set and that neither path, query nor body can hold. */
  lost: string[]
}

/** @returns verb and path as the contract has them, such as `GET /api/v1/users/{id}`; undefined when the method has no REST form. */
export function restBinding(method: DescMethod): { verb: string; path: string } | undefined {
  if (!hasOption(method, http)) return undefined
  const { pattern } = getOption(method, http)
  if (pattern.case === undefined || pattern.case === 'custom') return undefined
  return { verb: pattern.case.toUpperCase(), path: pattern.value }
}

/**
 * @param request in protobuf's JSON, as `toJson` gives it.
 * @returns undefined when the method has no REST form.
 */
export function restCall(method: DescMethod, request: JsonObject): RestCall | undefined {
  const binding = restBinding(method)
  if (!binding) return undefined
  const { body } = getOption(method, http)
  const left = structuredClone(request)
  const path = binding.path.replace(/\{([\w.]+)(?:=([^}]*))?\}/g, (_, field: string, pattern = '*') => {
    const value = take(left, jsonPath(method, field))
    if (value === undefined || value === '') return `{${field}}`
    const encoded = encodeURIComponent(String(value))
    return pattern === '*' ? encoded : encoded.replaceAll('%2F', '/')
  })
  const own = body === '*' ? left : body === '' ? undefined : (take(left, jsonPath(method, body)) ?? {})
  const { query, lost } = body === '*' ? { query: [], lost: [] } : queryOf(left, '')
  return { verb: binding.verb, path, query, body: own, lost }
}

/** @returns the address of a call below the edge. */
export function restTarget({ path, query }: RestCall): string {
  const text = new URLSearchParams(query).toString()
  return text ? `${path}?${text}` : path
}

function jsonPath(method: DescMethod, path: string): string[] {
  let message: DescMethod['input'] | undefined = method.input
  return path.split('.').map(name => {
    const field: DescMethod['input']['fields'][number] | undefined = message?.fields.find(each => each.name === name)
    message = field?.fieldKind === 'message' ? field.message : undefined
    return field?.jsonName ?? name
  })
}

/** Takes a field out of a message. */
function take(message: JsonObject, [name = '', ...rest]: string[]): JsonValue | undefined {
  const value = message[name]
  if (rest.length > 0) return isObject(value) ? take(value, rest) : undefined
  delete message[name]
  return value
}

function queryOf(message: JsonObject, prefix: string): Pick<RestCall, 'query' | 'lost'> {
  const query: RestCall['query'] = []
  const lost: string[] = []
  for (const [name, value] of Object.entries(message)) {
    const full = `${prefix}${name}`
    const values = [value].flat()
    if (isObject(value)) {
      const nested = queryOf(value, `${full}.`)
      query.push(...nested.query)
      lost.push(...nested.lost)
    } else if (values.some(each => typeof each === 'object')) lost.push(full)
    else query.push(...values.map((each): [string, string] => [full, String(each)]))
  }
  return { query, lost }
}

export const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
