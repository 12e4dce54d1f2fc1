/** The HTTP rules of a method (google.api.http), read and checked against its messages. */
import { type DescMessage, type DescMethod, getOption, hasOption } from '@bufbuild/protobuf'
import { http } from '@site11/proto/es/google/api/annotations_pb.ts'
import type { HttpRule } from '@site11/proto/es/google/api/http_pb.ts'
import { type HttpTemplate, parseTemplate, templateRegex } from './http-template.ts'
import { hasOwnFields } from './json-fields.ts'

export type HttpBinding = {
  verb: string
  template: HttpTemplate
  /** The message that the JSON body holds; undefined when there is no body, or one of another kind. */
  body: DescMessage | undefined
}

/** @returns what the method is bound to, nothing when it has no rule. Throws an Error that says what is wrong with a rule. */
export function bindingsOf(method: DescMethod): HttpBinding[] {
  return hasOption(method, http) ? bindingsFrom(method, getOption(method, http)) : []
}

/** @returns what two bindings must not have in common. */
export function bindingKey({ verb, template }: HttpBinding): string {
  return `${verb} ${templateRegex(template)}`
}

function bindingsFrom(method: DescMethod, rule: HttpRule): HttpBinding[] {
  const { pattern } = rule
  if (pattern.case === undefined || pattern.case === 'custom') {
    throw new Error('its HTTP rule has none of get, put, post, delete and patch')
  }
  const template = parseTemplate(pattern.value)
  const [first, second] = template.segments
  if (first?.kind !== 'literal' || first.value !== 'api' || !second) {
    throw new Error(`it is bound to ${pattern.value}: the paths of methods begin with /api/`)
  }
  for (const field of template.fields) requireField(method.input, field)
  if (rule.body && rule.body !== '*') requireField(method.input, rule.body)
  // Envoy would refuse the contracts of all services for it.
  const answer = method.output.fields.find(({ name }) => name === rule.responseBody)?.message
  if (rule.responseBody && answer?.typeName !== 'google.api.HttpBody') {
    throw new Error(
      'its HTTP rule has response_body, which Envoy does only for a field of the type google.api.HttpBody',
    )
  }
  const nested = rule.additionalBindings.flatMap(each => bindingsFrom(method, each))
  return [{ verb: pattern.case.toUpperCase(), template, body: jsonBody(method, rule.body) }, ...nested]
}

function jsonBody({ input, methodKind }: DescMethod, body: string): DescMessage | undefined {
  const message = body === '*' ? input : input.fields.find(field => field.name === body)?.message
  return message && hasOwnFields(message) && methodKind !== 'client_streaming' ? message : undefined
}

function requireField(message: DescMessage, path: string): void {
  let current: DescMessage | undefined = message
  for (const name of path.split('.')) {
    const field: DescMessage['fields'][number] | undefined = current?.fields.find(each => each.name === name)
    if (!field) throw new Error(`its HTTP rule has the field ${path}, which ${message.typeName} does not have`)
    current = field.fieldKind === 'message' ? field.message : undefined
  }
}
