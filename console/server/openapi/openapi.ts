/**
 * OpenAPI 3.1 of everything that the edge routes, from the contracts of the registered services: nothing about an API is written twice.
 */
import {
  createFileRegistry,
  type DescField,
  type DescMessage,
  type DescMethod,
  type FileRegistry,
  getOption,
  hasOption,
} from '@bufbuild/protobuf'
import { commentOf } from '@site11/proto/comments'
import { http } from '@site11/proto/es/google/api/annotations_pb.ts'
import type { HttpRule } from '@site11/proto/es/google/api/http_pb.ts'
import { StatusSchema } from '@site11/proto/es/google/rpc/status_pb.ts'
import { method as policyOption } from '@site11/proto/es/site11/policy/v1/policy_pb.ts'
import { remember } from '../control-plane/remember.ts'
import { type Contract, mergedContracts, sameContracts } from './contracts.ts'
import { isForUsers } from './descriptors.ts'
import { errorResponses, errorsOf } from './errors.ts'
import { createSchemas, type Json, type Schema, type Schemas } from './schemas.ts'

/** @returns a function that gives the document of the registered services, made anew only when a contract has changed. */
export const createOpenapi = (options: { url: string; version: string }): ((services: Contract[]) => Json) =>
  remember(services => openapiFrom(createFileRegistry(mergedContracts(services)), options), sameContracts)

/**
 * @param registry the files of all contracts, with their comments.
 * @param url where the edge is.
 * @returns the document as a JSON value.
 */
export function openapiFrom(registry: FileRegistry, { url, version }: { url: string; version: string }): Json {
  const schemas = createSchemas()
  const services = [...registry]
    .filter(desc => desc.kind === 'service')
    .sort((a, b) => (a.typeName < b.typeName ? -1 : 1))
  const paths: { [path: string]: { [verb: string]: Json } } = {}
  const tags: Json[] = []
  for (const service of services) {
    const routed = service.methods.filter(
      method => hasOption(method, http) && isForUsers(getOption(method, policyOption)),
    )
    if (routed.length > 0) tags.push({ name: service.name, description: commentOf(service) })
    for (const method of routed) {
      for (const [index, { verb, path: template, rule }] of rulesOf(getOption(method, http)).entries()) {
        const path = template.replace(/=[^}]*(?=\})/g, '')
        paths[path] = { ...paths[path], [verb]: operationOf(method, path, rule, schemas, index) }
      }
    }
  }
  const error = schemas.message(StatusSchema)
  return {
    openapi: '3.1.0',
    info: {
      title: 'site11',
      version,
      description:
        'Every method is also served as gRPC and gRPC-Web under the path in its `operationId`, on the same port. Errors are `google.rpc.Status`; switch on the `reason` of their `ErrorInfo`.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url }],
    tags,
    paths: Object.fromEntries(Object.entries(paths).sort(([a], [b]) => (a < b ? -1 : 1))),
    components: {
      securitySchemes: { accessToken: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
      parameters: {
        ApiVersion: {
          name: 'X-API-Version',
          in: 'header',
          required: false,
          description:
            'The version of the API that the answer is to come from: a request goes to instances that serve it. Without it, to any. A version that no instance of the service serves is refused with 400 and the reason `VERSION_NOT_SERVED`; `api_versions` in the metadata of its `ErrorInfo` lists those that there are.',
          schema: { type: 'string', pattern: '^[1-9][0-9]{0,3}\\.(0|[1-9][0-9]{0,3})$', examples: ['1.0'] },
        },
      },
      responses: {
        Error: {
          description: 'What went wrong, why, and what to do.',
          content: { 'application/json': { schema: error } },
        },
        ...errorResponses(error),
      },
      schemas: schemas.all(),
    },
  }
}

function rulesOf(rule: HttpRule): { verb: string; path: string; rule: HttpRule }[] {
  const { pattern } = rule
  const own = pattern.case && pattern.case !== 'custom' ? [{ verb: pattern.case, path: pattern.value, rule }] : []
  return [...own, ...rule.additionalBindings.flatMap(rulesOf)]
}

/** @param index of the binding: an operation is named once, and a method may be bound to several paths. */
function operationOf(method: DescMethod, path: string, rule: HttpRule, schemas: Schemas, index: number): Json {
  const policy = getOption(method, policyOption)
  const inPath = [...path.matchAll(/\{([^}]+)/g)].map(match => match[1] ?? '')
  const inQuery = rule.body === '*' ? [] : queryOf(method.input, '', new Set([...inPath, rule.body]))
  const body = bodyOf(method.input, rule.body, inPath, schemas)
  const { access } = policy
  return {
    operationId: `${method.parent.typeName}/${method.name}${index > 0 ? `.${index + 1}` : ''}`,
    tags: [method.parent.name],
    summary: method.name.replace(/(?<=[a-z])(?=[A-Z])/g, ' '),
    description: commentOf(method),
    security: access.case === 'public' ? [] : [{ accessToken: access.case === 'scope' ? [access.value] : [] }],
    parameters: [
      versionParameter,
      ...inPath.map(name => parameter('path', name, fieldAt(method.input, name), schemas)),
      ...inQuery.map(({ name, field }) => parameter('query', name, field, schemas)),
    ],
    ...(body && { requestBody: { required: true, content: { 'application/json': { schema: body } } } }),
    responses: {
      200: {
        description:
          method.methodKind === 'server_streaming'
            ? `A stream: one JSON object a line. ${commentOf(method.output)}`
            : commentOf(method.output),
        content: { 'application/json': { schema: schemas.message(method.output) } },
      },
      ...errorsOf(method, inPath.length > 0),
      default: { $ref: '#/components/responses/Error' },
    },
  }
}

/** Every method takes it, whichever versions there are at the moment. */
const versionParameter: Json = { $ref: '#/components/parameters/ApiVersion' }

function parameter(where: 'path' | 'query', name: string, field: DescField, schemas: Schemas): Json {
  const { description = '', ...schema } = schemas.field(field)
  const required = where === 'path'
  // A request field in the path is what the caller sends, whatever the resource says of it.
  delete schema.readOnly
  return { name, in: where, required, description, schema, ...(field.fieldKind === 'list' && { explode: true }) }
}

function fieldAt(message: DescMessage, path: string): DescField {
  const [name, ...rest] = path.split('.')
  const field = message.fields.find(each => each.name === name)
  if (!field) throw new Error(`${message.typeName} has no field ${path}`)
  return rest.length > 0 && field.message ? fieldAt(field.message, rest.join('.')) : field
}

/** The fields that the path and the body leave: messages by their fields (`a.b`), well-known ones as they are. */
function queryOf(
  message: DescMessage,
  prefix: string,
  taken: Set<string>,
  within: DescMessage[] = [],
): { name: string; field: DescField }[] {
  return message.fields.flatMap(field => {
    if (taken.has(`${prefix}${field.name}`)) return []
    const name = `${prefix}${field.jsonName}`
    const nested = field.fieldKind === 'message' && !field.message.typeName.startsWith('google.protobuf.')
    // A message within itself has no end.
    if (nested)
      return within.includes(field.message) ? [] : queryOf(field.message, `${name}.`, taken, [...within, message])
    return field.fieldKind === 'map' ? [] : [{ name, field }]
  })
}

function bodyOf(message: DescMessage, body: string, inPath: string[], schemas: Schemas): Schema | undefined {
  if (!body) return undefined
  if (body !== '*') return schemas.field(fieldAt(message, body))
  const fields = message.fields.filter(field => !inPath.includes(field.name))
  if (fields.length === message.fields.length) return schemas.message(message)
  return {
    type: 'object',
    description: commentOf(message),
    properties: Object.fromEntries(fields.map(field => [field.jsonName, schemas.field(field)])),
  }
}
