/**
 * What the policy of a method must not say: where it contradicts itself, its message, or what there is. Pure. `npm run check` asks it
 * of our own contracts, the Console of each that an instance registers with.
 */
import { type DescField, type DescMessage, type DescMethod, getOption, hasOption } from '@bufbuild/protobuf'
import { type Duration, type FileDescriptorProto, MethodOptions_IdempotencyLevel } from '@bufbuild/protobuf/wkt'
import { http } from '@site11/proto/es/google/api/annotations_pb.ts'
import { type Cache, type MethodPolicy, method as policyOption } from '@site11/proto/es/site11/policy/v1/policy_pb.ts'
import { kindOf } from '@site11/runtime/cached-method.ts'
import { longestRequestBytes } from '@site11/runtime/limits.ts'
import { bindingKey, bindingsOf, type HttpBinding } from './http-bindings.ts'

export type PolicyProblem = { method: DescMethod; problem: string }

export type Known = {
  /** The scopes that some role grants. */
  scopes: readonly string[]
  /** The services that there are; undefined where they are not all known, as when the first of them registers. */
  services?: readonly string[] | undefined
}

const longestMs = 24 * 3_600_000
/** Envoy refuses a shorter interval. */
const shortestFillMs = 50
const maxRetries = 5
const longestKeptMs = 3_600_000

/** It stands in a regular expression at Envoy. */
const scopeForm = /^[a-z][a-z0-9_-]*(:[a-z][a-z0-9_-]*)*$/
const readingName = /^(BatchGet|Check|Count|Describe|Diagnose|Find|Get|List|Query|Read|Search|Watch)([A-Z]|$)/
const changingName =
  /^(Change|Create|Delete|Disable|Drain|Enable|Login|Register|Remove|Reset|Resume|Revoke|Set|Undelete|Update)([A-Z]|$)/

/** @returns all that is wrong with these methods, in their order. */
export function policyProblems(methods: readonly DescMethod[], known: Known): PolicyProblem[] {
  const bound = new Map<string, DescMethod>()
  return methods.flatMap(method => {
    const { problems, bindings } = ownProblems(method, known)
    for (const binding of bindings) {
      const other = bound.get(bindingKey(binding))
      if (other) problems.push(`it is bound to the same ${binding.verb} path as ${nameOf(other)}`)
      bound.set(bindingKey(binding), method)
    }
    problems.push(...cacheProblems(method, methods))
    return problems.map(problem => ({ method, problem }))
  })
}

/** @returns one line: file, line where it is known, method, what is wrong. */
export function describeProblem({ method, problem }: PolicyProblem): string {
  return `${fileOf(method)}: ${nameOf(method)}: ${problem}`
}

const nameOf = ({ parent, name }: DescMethod) => `${parent.typeName}.${name}`

function fileOf(method: DescMethod): string {
  const { proto } = method.parent.file
  const service = proto.service.indexOf(method.parent.proto)
  return placeIn(proto, [6, service, 2, method.parent.proto.method.indexOf(method.proto)])
}

/** @param path as in SourceCodeInfo. @returns the file, with the line where it is known. */
export function placeIn({ name, sourceCodeInfo }: FileDescriptorProto, path: readonly number[]): string {
  const place = sourceCodeInfo?.location.find(each => each.path.join() === path.join())
  const line = place?.span[0]
  return line === undefined ? name : `${name}:${line + 1}`
}

function ownProblems(method: DescMethod, known: Known): { problems: string[]; bindings: HttpBinding[] } {
  if (!hasOption(method, policyOption)) {
    const problem = 'it has no policy, so nobody may call it: add the option (site11.policy.v1.method)'
    return { problems: [problem], bindings: [] }
  }
  const policy = getOption(method, policyOption)
  let bindings: HttpBinding[] = []
  const problems: string[] = []
  try {
    bindings = bindingsOf(method)
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error))
  }
  problems.push(
    ...accessProblems(method, policy, known),
    ...callerProblems(policy, known),
    ...timeoutProblems(method, policy),
    ...retryProblems(method, policy, bindings),
    ...limitProblems(method, policy),
  )
  if (changingName.test(method.name) && !policy.audit) {
    problems.push('it changes something for good by its name: set audit')
  }
  return { problems, bindings }
}

function accessProblems(method: DescMethod, { access }: MethodPolicy, { scopes }: Known): string[] {
  if (access.case === undefined) {
    return ['its policy does not say who may call: set one of public, authenticated, scope and internal']
  }
  const isBound = hasOption(method, http)
  if (access.case !== 'scope' && !access.value) {
    return [`${access.case}: false grants nothing: say who may call, not who may not`]
  }
  if (access.case === 'internal') {
    return isBound ? ['it is internal and has an HTTP rule: what is internal is not routed at the edge'] : []
  }
  const problems: string[] = []
  if (!isBound && !isClientStreaming(method)) {
    problems.push(`it is for callers outside (${access.case}) and has no HTTP rule: REST callers could not reach it`)
  }
  if (access.case === 'scope') {
    if (!scopeForm.test(access.value)) {
      problems.push(`the scope "${access.value}" is not of the form users:read (lower case, parts joined by colons)`)
    } else if (!scopes.includes(access.value)) {
      problems.push(`no role grants the scope ${access.value}, so nobody could call it: give it to one in roles.ts`)
    }
  }
  return problems
}

function callerProblems({ access, callers }: MethodPolicy, { services }: Known): string[] {
  if (access.case === 'public') {
    return callers.length > 0 ? ['it is public and names callers: everybody may call it already'] : []
  }
  if (access.case === 'internal' && callers.length === 0) {
    return ['it is internal and names no callers, so nobody may call it']
  }
  const problems: string[] = []
  if (callers.includes('*') && callers.length > 1)
    problems.push('its callers are "*", which is all, and others besides')
  if (new Set(callers).size < callers.length) problems.push('its callers name a service twice')
  for (const name of callers.filter(each => each !== '*')) {
    if (!/^[a-z][a-z0-9_]*$/.test(name)) problems.push(`its caller "${name}" is not the name of a service`)
    else if (services && !services.includes(name)) problems.push(`its caller ${name} is no service that there is`)
  }
  return problems
}

function timeoutProblems({ methodKind }: DescMethod, { timeout }: MethodPolicy): string[] {
  if (!timeout) return ['its policy does not say how long it may take: set timeout, {} for a stream']
  const ms = milliseconds(timeout)
  if (ms < 0 || ms > longestMs) return [`its timeout of ${ms / 1000} s is not between 0 s and a day`]
  const isStream = methodKind !== 'unary'
  if (isStream && ms > 0) return ['it is a stream with a timeout, which would cut it off: set {}']
  if (!isStream && ms === 0) return ['it is unary and has no time limit: only streams may last']
  return []
}

function retryProblems(method: DescMethod, { retry }: MethodPolicy, bindings: HttpBinding[]): string[] {
  if (!retry) return []
  const problems: string[] = []
  if (retry.attempts < 1 || retry.attempts > maxRetries) {
    problems.push(`its retry has ${retry.attempts} attempts, which is not between 1 and ${maxRetries}`)
  }
  if (isClientStreaming(method)) problems.push('its caller sends a stream, which nobody keeps to send it again')
  const hasRequestId = method.input.fields.some(field => field.name === 'request_id' && field.scalar !== undefined)
  if (retry.requiresRequestId && !hasRequestId) {
    problems.push(`its retry requires a request_id, which ${method.input.typeName} does not have`)
  }
  if (reads(method, bindings)) {
    if (retry.requiresRequestId) problems.push('it only reads, and its retry requires a request_id all the same')
  } else if (!retry.requiresRequestId) {
    problems.push('it writes, and is retried without requires_request_id: a repeated write could be done twice')
  }
  return problems
}

/** By what it says of itself, by how it is bound, by its name: in this order. */
function reads({ idempotency, name }: DescMethod, bindings: HttpBinding[]): boolean {
  if (idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS) return true
  return readingName.test(name) || (bindings.length > 0 && bindings.every(({ verb }) => verb === 'GET'))
}

function limitProblems(method: DescMethod, { rateLimit, maxRequestBytes }: MethodPolicy): string[] {
  const problems: string[] = []
  if (rateLimit) {
    const ms = rateLimit.per ? milliseconds(rateLimit.per) : 0
    if (rateLimit.requests < 1) problems.push('its rate_limit admits no request')
    if (ms < shortestFillMs) problems.push(`its rate_limit is per ${ms} ms: ${shortestFillMs} ms is the shortest`)
    if (ms > longestMs) problems.push(`its rate_limit is per ${ms / 1000} s: a day is the longest`)
  }
  if (maxRequestBytes > longestRequestBytes) {
    problems.push(`its max_request_bytes of ${maxRequestBytes} is more than ${longestRequestBytes} (64 MiB)`)
  }
  if (maxRequestBytes > 0 && isClientStreaming(method)) {
    problems.push('it has max_request_bytes, and its caller sends a stream, which has no end to measure')
  }
  return problems
}

/** A change that cannot reach Redis waits until what is kept has expired: it must have that long. */
function cacheProblems(method: DescMethod, methods: readonly DescMethod[]): string[] {
  const { access, cache, changes, timeout } = getOption(method, policyOption)
  const problems: string[] = []
  if (cache) {
    const keptMs = keptMsOf(cache)
    if (method.methodKind !== 'unary') problems.push('it is a stream, and its answers are to be kept')
    if (access.case === 'authenticated') problems.push('its answers are kept, and depend on which user calls')
    if (changes.length > 0) problems.push('its answers are kept, and it changes something')
    if (!(keptMs > 0 && keptMs <= longestKeptMs)) {
      problems.push(`its answers are kept for ${keptMs / 1000} s, which is not between 0 s and an hour`)
    }
    problems.push(...subjectProblems(method, cache.subject))
  }
  for (const subject of changes) {
    problems.push(...subjectProblems(method, subject))
    const kept = methods.flatMap(each => getOption(each, policyOption).cache ?? [])
    const same = kept.filter(each => kindOf(each.subject) === kindOf(subject))
    if (same.length === 0) problems.push(`it changes ${subject}, of which no answer is kept`)
    const waitMs = Math.max(0, ...same.map(keptMsOf))
    if (timeout && milliseconds(timeout) <= waitMs) {
      problems.push(`it changes ${subject}, which may be kept for ${waitMs / 1000} s: its timeout must be longer`)
    }
  }
  return problems
}

function subjectProblems(method: DescMethod, subject: string): string[] {
  return [...subject.matchAll(/\{([^}]*)\}/g)].flatMap(([, path = '']) => {
    let message: DescMessage | undefined = method.input
    const names = path.split('.')
    for (const [at, name] of names.entries()) {
      const field: DescField | undefined = message?.fields.find(each => each.name === name)
      const isLast = at === names.length - 1
      if (!field || (isLast && field.scalar === undefined))
        return [`${method.input.typeName} has no value at {${path}}`]
      message = field.message
    }
    return []
  })
}

const keptMsOf = ({ fresh, stale }: Cache) => (fresh ? milliseconds(fresh) : 0) + (stale ? milliseconds(stale) : 0)

const isClientStreaming = ({ methodKind }: DescMethod) =>
  methodKind === 'client_streaming' || methodKind === 'bidi_streaming'

/** @returns ms; no duration is none. */
export function milliseconds({ seconds, nanos }: Duration): number {
  return Number(seconds) * 1000 + nanos / 1e6
}
