/** Which fields of a request are nobody else's business: they are kept out of links, of history and of what is copied. */
import type { DescField, DescMessage, JsonObject, JsonValue } from '@bufbuild/protobuf'
import { isObject } from './rest-call.ts'

/** By their names, and those that the contract marks with `debug_redact`. Tokens that only mark a place in a list or a stream are none. */
export function isSecret(field: DescField): boolean {
  if (field.proto.options?.debugRedact) return true
  if (/(^|_)(page|resume|sync)_token$/.test(field.name)) return false
  return /(^|_)(password|passphrase|secret|credentials?|private_key|token)$/.test(field.name)
}

/** @returns whether a message has a secret anywhere within. */
export function hasSecrets(message: DescMessage, seen = new Set<DescMessage>()): boolean {
  if (seen.has(message)) return false
  seen.add(message)
  return message.fields.some(field => isSecret(field) || (field.message ? hasSecrets(field.message, seen) : false))
}

/**
 * @param json a message in protobuf's JSON.
 * @param replace gives what stands in the place of a secret that is set; undefined leaves it out.
 * @returns the message without its secrets.
 */
export function withoutSecrets(
  message: DescMessage,
  json: JsonObject,
  replace: (field: DescField) => JsonValue | undefined = () => undefined,
): JsonObject {
  const kept = Object.entries(json).flatMap(([name, value]): [string, JsonValue][] => {
    const field = message.fields.find(each => each.jsonName === name || each.name === name)
    if (!field) return [[name, value]]
    if (isSecret(field)) {
      const instead = value === '' ? value : replace(field)
      return instead === undefined ? [] : [[name, instead]]
    }
    const inner = field.message
    if (!inner || inner.typeName.startsWith('google.protobuf.')) return [[name, value]]
    const clean = (each: JsonValue): JsonValue => (isObject(each) ? withoutSecrets(inner, each, replace) : each)
    if (field.fieldKind === 'list') return [[name, Array.isArray(value) ? value.map(clean) : value]]
    if (field.fieldKind === 'map' && isObject(value)) {
      return [[name, Object.fromEntries(Object.entries(value).map(([key, each]) => [key, clean(each)]))]]
    }
    return [[name, clean(value)]]
  })
  return Object.fromEntries(kept)
}
