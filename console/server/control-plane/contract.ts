/** What the contracts of the services ask of the edge: methods, their HTTP bindings, and their policies. */
import { createHash } from 'node:crypto'
import { create, createFileRegistry, type DescMethod, type DescService, getOption, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { type MethodPolicy, method as policyOption } from '@site11/proto/es/site11/policy/v1/policy_pb.ts'
import { allScopes } from '../roles.ts'
import { mergeDescriptors, ownerOf, readDescriptors, type ServiceFiles } from './descriptors.ts'
import { bindingsOf } from './http-bindings.ts'
import type { HttpTemplate } from './http-template.ts'
import { addJsonFields, type JsonFields } from './json-fields.ts'
import { describeProblem, milliseconds, policyProblems } from './policy-rules.ts'
import { remember } from './remember.ts'
import { edgeName, type ServiceState, StateError } from './state.ts'
import { describeWidgetProblem, widgetProblems } from './widget-rules.ts'

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
  bindings: EdgeBinding[]
  access: { kind: 'public' } | { kind: 'authenticated' } | { kind: 'scope'; scope: string }
  /** Zero means no limit. */
  timeoutMs: number
  /** `requestIdField`: the number of the field without which nothing is sent again; zero when it needs none. */
  retry: { attempts: number; requestIdField: number } | undefined
  rateLimit: { requests: number; perMs: number } | undefined
  /** Zero means the platform's default. */
  maxRequestBytes: number
}

export type EdgeBinding = {
  verb: string
  template: HttpTemplate
  /** The name of the message that the JSON body holds; undefined when there is no body, or one of another kind. */
  body: string | undefined
}

/**
 * Reads the contracts of all services. A method for services only is left out: what is not listed is not reachable.
 * Only services of the package `site11.<name>.*` count as those of the service <name>, so that no
 * service can speak for another. Throws a StateError that names the service whose contract is malformed, or says of a method or a
 * widget what it must not (policy-rules.ts, widget-rules.ts).
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
  const described: { service: string; method: DescMethod }[] = []
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
      const services = [...registry.files].filter(file => ownerOf(file.proto) === name).flatMap(file => file.services)
      refuseBadWidgets(services)
      described.push(...services.flatMap(({ methods }) => methods.map(method => ({ service: name, method }))))
    } catch (cause) {
      throw new StateError(name, `its contract cannot be used: ${message(cause)}`, cause)
    }
  }
  refuseBadPolicies(described)
  const jsonFields: JsonFields = new Map()
  const methods = described.flatMap(({ service, method }) => edgeMethod(service, method, jsonFields))
  return {
    hash: hash.digest('hex'),
    methods: methods.toSorted((a, b) => (a.path < b.path ? -1 : 1)),
    descriptors: mergedDescriptors(files),
    jsonFields,
  }
}

/** A proxy is sent them in one message, of which the Console's server allows 8 MiB. */
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

function refuseBadWidgets(services: readonly DescService[]): void {
  const problems = widgetProblems(services)
  if (problems.length > 0) throw new Error(problems.map(describeWidgetProblem).join('; '))
}

/** Names all that is wrong with the contract of the first service that has something wrong. */
function refuseBadPolicies(described: { service: string; method: DescMethod }[]): void {
  const problems = policyProblems(
    described.map(({ method }) => method),
    { scopes: allScopes },
  )
  const [first] = problems
  if (!first) return
  const service = ownerOf(first.method.parent.file.proto)
  const own = problems.filter(({ method }) => ownerOf(method.parent.file.proto) === service)
  throw new StateError(service, `its contract cannot be used: ${own.map(describeProblem).join('; ')}`)
}

/** Nothing for a method that is not for the edge. */
function edgeMethod(service: string, method: DescMethod, jsonFields: JsonFields): EdgeMethod[] {
  const policy = getOption(method, policyOption)
  const access = accessOf(policy)
  if (!access) return []
  const { timeout, retry, rateLimit, maxRequestBytes } = policy
  const bindings = bindingsOf(method).map(({ verb, template, body }) => {
    if (body) addJsonFields(body, jsonFields)
    return { verb, template, body: body?.typeName }
  })
  return [
    {
      service,
      grpcService: method.parent.typeName,
      path: `/${method.parent.typeName}/${method.name}`,
      clientStreaming: method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming',
      bindings,
      access,
      timeoutMs: timeout ? milliseconds(timeout) : 0,
      retry: retry && { attempts: retry.attempts, requestIdField: retry.requiresRequestId ? requestIdOf(method) : 0 },
      rateLimit: rateLimit && {
        requests: rateLimit.requests,
        perMs: rateLimit.per ? milliseconds(rateLimit.per) : 0,
      },
      maxRequestBytes,
    },
  ]
}

function requestIdOf({ input }: DescMethod): number {
  return input.fields.find(({ name }) => name === 'request_id')?.number ?? 0
}

function accessOf({ access }: MethodPolicy): EdgeMethod['access'] | undefined {
  if (access.case === 'scope') return { kind: 'scope', scope: access.value }
  return access.case === 'public' || access.case === 'authenticated' ? { kind: access.case } : undefined
}

function message(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
