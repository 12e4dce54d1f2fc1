/** The methods of a service with their policy, as its contract has them. Pure. */
import { type DescMethod, type DescService, getOption } from '@bufbuild/protobuf'
import { type MethodPolicy, method as policyOption } from '@site11/proto/es/site11/policy/v1/policy_pb.ts'

/** @returns the methods of a service among those of all contracts: its package is `site11.<service>.v1`. */
export const methodsOf = (services: readonly DescService[], service: string): DescMethod[] =>
  services.filter(({ typeName }) => typeName.split('.')[1] === service).flatMap(({ methods }) => methods)

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
