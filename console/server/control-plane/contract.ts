/** What the contracts of the services ask of the edge: methods, their HTTP bindings, and their policies. */
import { createHash } from 'node:crypto'
import {
  create,
  createFileRegistry,
  type DescMessage,
  type DescMethod,
  getOption,
  hasOption,
  toBinary,
} from '@bufbuild/protobuf'
import { type Duration, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { http } from '@site11/proto/es/google/api/annotations_pb.ts'
import type { HttpRule } from '@site11/proto/es/google/api/http_pb.ts'
import { type MethodPolicy, method as policyOption } from '@site11/proto/es/site11/policy/v1/policy_pb.ts'
import { mergeDescriptors, ownerOf, readDescriptors, type ServiceFiles } from './descriptors.ts'
import { type HttpTemplate, parseTemplate, templateRegex } from './http-template.ts'
import { addJsonFields, hasOwnFields, type JsonFields } from './json-fields.ts'
import { remember } from './remember.ts'
import { edgeName, type ServiceState, StateError } from './state.ts'

export type Contracts = {
  /** Of the contracts as they came: nothing below differs where this does not. */
  hash: string
  /** The methods that the edge routes, sorted by path. */
  methods: EdgeMethod[]
  /** A serialized FileDescriptorSet of all contracts and the error details. */
  descriptors: Uint8Array
  /** The fields of the messages that JSON bodies hold. */
  jsonFields: JsonFields
}

export type EdgeMethod = {
  /** The service, and so the cluster. */
  service: string
  /** The full name of the gRPC service, such as `site11.users.v1.UsersService`. */
  grpcService: string
  /** The gRPC path, such as `/site11.users.v1.UsersService/GetUser`. */
  path: string
  /** Whether the caller sends a stream. */
  clientStreaming: boolean
  bindings: HttpBinding[]
  access: { kind: 'public' } | { kind: 'authenticated' } | { kind: 'scope'; scope: string }
  /** Zero means no limit. */
  timeoutMs: number
  retry: { attempts: number; requiresRequestId: boolean } | undefined
  rateLimit: { requests: number; perMs: number } | undefined
  /** Zero means the platform's default. */
  maxRequestBytes: number
}

export type HttpBinding = {
  verb: string
  template: HttpTemplate
  /** The message that the JSON body holds; undefined when there is no body, or one of another kind. */
  body: string | undefined
}

/**
 * Reads the contracts of all services. A method without a policy, or for services only, is left out: what is not listed
 * is not reachable. Only services of the package `site11.<name>.*` count as those of the service <name>, so that no
 * service can speak for another. Throws a StateError that names the service whose contract is malformed.
 */
export function contractsFrom(services: Contract[]): Contracts {
  const own = services.map(({ name, contract }) => ({ name, contract }))
  return readContracts(own.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)))
}

type Contract = Pick<ServiceState, 'name' | 'contract'>

/** Contracts change seldom and cost much to read, while instances come and go. */
const readContracts = remember(contractsOf, (a, b) => {
  const same = (contract: Uint8Array, other: Uint8Array | undefined) =>
    contract === other || (other !== undefined && Buffer.compare(contract, other) === 0)
  return (
    a.length === b.length &&
    a.every(({ name, contract }, index) => name === b[index]?.name && same(contract, b[index].contract))
  )
})

function contractsOf(services: Contract[]): Contracts {
  const hash = createHash('sha256')
  const files: ServiceFiles[] = []
  const methods: EdgeMethod[] = []
  const jsonFields: JsonFields = new Map()
  for (const { name, contract } of services) {
    hash.update(`${name} ${contract.length} `).update(contract)
    // Hyphens are for the clusters that are none of a service's.
    if (!/^[a-z][a-z0-9_]*$/.test(name)) throw new StateError(name, 'a service is named as in its proto package')
    if (name === edgeName) throw new StateError(name, 'the edge has this name: call the service something else')
    if (files.some(each => each.service === name)) throw new StateError(name, 'two services have this name')
    try {
      const own = readDescriptors(contract)
      files.push({ service: name, files: own })
      const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: own }))
      for (const file of registry.files) {
        if (ownerOf(file.proto) !== name) continue
        methods.push(
          ...file.services.flatMap(service => service.methods).flatMap(method => edgeMethod(name, method, jsonFields)),
        )
      }
    } catch (cause) {
      throw new StateError(name, `its contract cannot be used: ${message(cause)}`, cause)
    }
  }
  refuseDoubleBindings(methods)
  return {
    hash: hash.digest('hex'),
    methods: methods.toSorted((a, b) => (a.path < b.path ? -1 : 1)),
    descriptors: mergedDescriptors(files),
    jsonFields,
  }
}

/** A proxy is sent them in one message, of which the Console's server allows 4 MiB. */
const maxDescriptorBytes = 3 * 1024 * 1024

function mergedDescriptors(files: ServiceFiles[]): Uint8Array {
  const descriptors = merged(files)
  if (descriptors.length <= maxDescriptorBytes) return descriptors
  const sizes = files.map(each => ({ service: each.service, bytes: merged([each]).length }))
  const { service, bytes } = sizes.reduce((a, b) => (b.bytes > a.bytes ? b : a))
  const all = `all contracts together are ${descriptors.length} bytes, of which a proxy can be sent ${maxDescriptorBytes}`
  throw new StateError(service, `its contract is the largest, with ${bytes} bytes, and ${all}`)
}

function merged(files: ServiceFiles[]): Uint8Array {
  const merge = (count: number) => {
    const merged = mergeDescriptors(files.slice(0, count))
    createFileRegistry(merged)
    return toBinary(FileDescriptorSetSchema, merged)
  }
  try {
    return merge(files.length)
  } catch (cause) {
    const culprit = files.find((_, index) => fails(() => merge(index + 1)))?.service ?? ''
    throw new StateError(culprit, `its contract does not fit those of the services before it: ${message(cause)}`, cause)
  }
}

function fails(attempt: () => void): boolean {
  try {
    attempt()
    return false
  } catch {
    return true
  }
}

function edgeMethod(service: string, method: DescMethod, jsonFields: JsonFields): EdgeMethod[] {
  if (!hasOption(method, policyOption)) return []
  const policy = getOption(method, policyOption)
  const access = accessOf(method, policy)
  if (!access) return []
  const path = `/${method.parent.typeName}/${method.name}`
  const bindings = hasOption(method, http) ? bindingsOf(method, getOption(method, http), jsonFields) : []
  const rateLimit = policy.rateLimit && {
    requests: policy.rateLimit.requests,
    perMs: milliseconds(`${path} has a rate_limit.per`, policy.rateLimit.per),
  }
  if (rateLimit && (rateLimit.requests < 1 || rateLimit.perMs < 50)) {
    throw new Error(`${path} has a rate_limit that is not at least one request in at least 50 ms`)
  }
  return [
    {
      service,
      grpcService: method.parent.typeName,
      path,
      clientStreaming: method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming',
      bindings,
      access,
      timeoutMs: milliseconds(`${path} has a timeout`, policy.timeout),
      retry: policy.retry && { attempts: policy.retry.attempts, requiresRequestId: policy.retry.requiresRequestId },
      rateLimit,
      maxRequestBytes: policy.maxRequestBytes,
    },
  ]
}

/** Undefined for a method that is not for the edge. `public: false` and the like grant nothing. */
function accessOf(method: DescMethod, { access }: MethodPolicy): EdgeMethod['access'] | undefined {
  if (access.case === 'scope') {
    if (!/^[A-Za-z0-9][A-Za-z0-9:._-]*$/.test(access.value)) {
      throw new Error(
        `${method.parent.typeName}.${method.name} asks for the scope "${access.value}", which is not a scope token`,
      )
    }
    return { kind: 'scope', scope: access.value }
  }
  if (access.case === 'public' && access.value) return { kind: 'public' }
  if (access.case === 'authenticated' && access.value) return { kind: 'authenticated' }
  return undefined
}

function bindingsOf(method: DescMethod, rule: HttpRule, jsonFields: JsonFields): HttpBinding[] {
  const where = `${method.parent.typeName}.${method.name}`
  const { pattern } = rule
  if (pattern.case === undefined || pattern.case === 'custom') {
    throw new Error(`${where} has an HTTP rule without one of get, put, post, delete and patch`)
  }
  const template = parseTemplate(pattern.value)
  const [first, second] = template.segments
  if (first?.kind !== 'literal' || first.value !== 'api' || !second) {
    throw new Error(`${where} is bound to ${pattern.value}: the paths of methods begin with /api/`)
  }
  for (const field of template.fields) requireField(where, method.input, field)
  if (rule.body && rule.body !== '*') requireField(where, method.input, rule.body)
  // Envoy would refuse the contracts of all services for it.
  if (rule.responseBody && method.output.typeName !== 'google.api.HttpBody') {
    throw new Error(`${where} has an HTTP rule with response_body, which Envoy does only for google.api.HttpBody`)
  }
  const nested = rule.additionalBindings.flatMap(each => bindingsOf(method, each, jsonFields))
  const body = jsonBody(method, rule.body)
  if (body) addJsonFields(body, jsonFields)
  return [{ verb: pattern.case.toUpperCase(), template, body: body?.typeName }, ...nested]
}

function jsonBody({ input, methodKind }: DescMethod, body: string): DescMessage | undefined {
  const message = body === '*' ? input : input.fields.find(field => field.name === body)?.message
  return message && hasOwnFields(message) && methodKind !== 'client_streaming' ? message : undefined
}

function requireField(where: string, message: DescMessage, path: string): void {
  let current: DescMessage | undefined = message
  for (const name of path.split('.')) {
    const field: DescMessage['fields'][number] | undefined = current?.fields.find(each => each.name === name)
    if (!field)
      throw new Error(`${where} has an HTTP rule with the field ${path}, which ${message.typeName} does not have`)
    current = field.fieldKind === 'message' ? field.message : undefined
  }
}

function refuseDoubleBindings(methods: EdgeMethod[]): void {
  const seen = new Map<string, EdgeMethod>()
  for (const method of methods) {
    for (const { verb, template } of method.bindings) {
      const key = `${verb} ${templateRegex(template)}`
      const other = seen.get(key)
      if (other)
        throw new StateError(method.service, `${method.path} and ${other.path} are bound to the same ${verb} path`)
      seen.set(key, method)
    }
  }
}

/** No duration means zero. Envoy would refuse the contracts of all services for a negative one. */
function milliseconds(what: string, duration: Duration | undefined): number {
  const ms = duration ? Number(duration.seconds) * 1000 + duration.nanos / 1e6 : 0
  if (ms < 0 || ms > longestMs) throw new Error(`${what} of ${ms / 1000} s, which is not between 0 s and a year`)
  return ms
}

const longestMs = 365 * 24 * 3_600_000

function message(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
