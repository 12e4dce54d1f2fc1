/** The methods of a service with their policy, from the contract that this page was built with. */
import { type DescMethod, type DescService, getOption } from '@bufbuild/protobuf'
import { type MethodPolicy, method as policyOption } from '@site11/proto/es/site11/policy/v1/policy_pb.ts'

/** By their paths; a service that is added needs no line here. */
const modules = import.meta.glob<Record<string, unknown>>('../../../../proto/gen/es/site11/*/v1/*_service_pb.ts')

/** @returns the methods of all gRPC services of a service, by full name. */
export async function methodsOf(service: string): Promise<DescMethod[]> {
  const own = Object.keys(modules).filter(path => path.split('/').at(-3) === service)
  const loaded = await Promise.all(own.map(path => modules[path]?.()))
  const services = loaded.flatMap(module => Object.values(module ?? {}).filter(isService))
  return services.sort((a, b) => (a.typeName < b.typeName ? -1 : 1)).flatMap(({ methods }) => methods)
}

const isService = (value: unknown): value is DescService =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'service'

export interface Policy {
  access: 'nobody' | 'anybody' | 'signedIn' | 'scope' | 'services'
  /** The scope that is asked for. */
  scope: string
  callers: readonly string[]
  /** In ms; undefined means without limit. */
  timeoutMs: number | undefined
  retries: number
  /** Retried only with a `request_id`. */
  needsRequestId: boolean
  rate: { requests: number; perMs: number } | undefined
  maxBytes: number
  audit: boolean
}

const defaultMaxBytes = 1_048_576

/** @returns the policy of a method in the terms that pages show. */
export function policyOf(method: DescMethod): Policy {
  const { access, callers, timeout, retry, rateLimit, maxRequestBytes, audit } = getOption(method, policyOption)
  const ms = (duration: MethodPolicy['timeout']) =>
    duration ? Number(duration.seconds) * 1000 + duration.nanos / 1e6 : 0
  return {
    access: accesses[access.case ?? 'none'],
    scope: access.case === 'scope' ? access.value : '',
    callers,
    timeoutMs: ms(timeout) || undefined,
    retries: retry?.attempts ?? 0,
    needsRequestId: retry?.requiresRequestId ?? false,
    rate: rateLimit && { requests: rateLimit.requests, perMs: ms(rateLimit.per) },
    maxBytes: maxRequestBytes || defaultMaxBytes,
    audit,
  }
}

const accesses = {
  none: 'nobody',
  public: 'anybody',
  authenticated: 'signedIn',
  scope: 'scope',
  internal: 'services',
} as const

/** As WatchSignals names it. */
export const pathOf = (method: DescMethod) => `/${method.parent.typeName}/${method.name}`
