/** What the policy of a method means to Envoy: limits, retries, scope, rate. And whom browsers may call for. */

import { defaultRequestBytes } from '@site11/runtime/limits.ts'
import type { EdgeMethod } from './contract.ts'
import { type Json, seconds } from './encode.ts'
import { filterNames } from './filters.ts'
import { hedging, repeatableFilter, retryOnOfReads } from './repeatable.ts'

/** How long a stream without a time limit may be silent. */
const streamIdleMs = 3_600_000

/** Only `timeout` and `idle_timeout`: Envoy passes over `timeout` where a route has a `max_stream_duration`. */
export function limits({ timeoutMs }: EdgeMethod): Json {
  return timeoutMs === 0 ? { timeout: '0s', idle_timeout: seconds(streamIdleMs) } : { timeout: seconds(timeoutMs) }
}

/** The largest request body of a method, in bytes. A stream has none: its messages come one by one. */
export function bodyLimit({ clientStreaming, maxRequestBytes }: EdgeMethod): number {
  return clientStreaming ? Number.POSITIVE_INFINITY : maxRequestBytes || defaultRequestBytes
}

export function bodyLimitPolicy(limit: number): Json {
  if (limit === Number.POSITIVE_INFINITY) return {}
  return {
    [filterNames.buffer]: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.buffer.v3.BufferPerRoute',
      buffer: { max_request_bytes: limit },
    },
  }
}

const otherInstance: Json = {
  retry_host_predicate: [
    {
      name: 'envoy.retry_host_predicates.previous_hosts',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate',
      },
    },
  ],
  // An instance that refuses all connections has the fewest requests under way, and so is chosen again and again; and a version
  // may have one share of a hundred.
  host_selection_retry_max_attempts: 100,
  retry_back_off: { base_interval: '0.025s', max_interval: '0.25s' },
}

/** A request that no instance has begun to handle can go to another without harm, whatever its method. */
export const neverSent: Json = { retry_on: 'connect-failure,refused-stream', num_retries: 2, ...otherInstance }

/** @returns the part of a route's action. */
export function retries({ retry, timeoutMs }: EdgeMethod): Json {
  if (!retry) return { retry_policy: neverSent }
  // Whether a write carries a request_id is seen later, and then more is done for it (repeatable.ts).
  if (retry.requestIdField > 0) return { retry_policy: { ...neverSent, num_retries: retry.attempts } }
  const { retryPolicy, action } = hedging(timeoutMs)
  return {
    retry_policy: { retry_on: retryOnOfReads, num_retries: retry.attempts, ...retryPolicy, ...otherInstance },
    ...action,
  }
}

/** Has the filter of repeatable.ts look at the message. */
export const repeatablePolicy: Json = {
  '@type': 'type.googleapis.com/envoy.extensions.filters.http.lua.v3.LuaPerRoute',
  name: repeatableFilter,
}

export function scopePolicy(scope: string): Json {
  const regex = `(.* )?${scope.replaceAll('.', '\\.')}( .*)?`
  return {
    '@type': 'type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBACPerRoute',
    rbac: {
      rules: {
        action: 'ALLOW',
        policies: {
          scope: {
            permissions: [{ any: true }],
            principals: [{ header: { name: 'x-site11-scope', string_match: { safe_regex: { regex } } } }],
          },
        },
      },
    },
  }
}

export function rateLimitPolicy(path: string, { requests, perMs }: NonNullable<EdgeMethod['rateLimit']>): Json {
  const always: Json = { default_value: { numerator: 100, denominator: 'HUNDRED' } }
  return {
    '@type': 'type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit',
    stat_prefix: path.slice(1),
    token_bucket: { max_tokens: requests, tokens_per_fill: requests, fill_interval: seconds(perMs) },
    filter_enabled: always,
    filter_enforced: always,
    rate_limited_as_resource_exhausted: true,
    response_headers_to_add: [{ header: { key: 'retry-after', value: retryAfter({ requests, perMs }).toString() } }],
  }
}

/** Seconds until the bucket holds a token again. */
export function retryAfter({ requests, perMs }: NonNullable<EdgeMethod['rateLimit']>): number {
  return Math.max(1, Math.ceil(perMs / requests / 1000))
}

export function corsPolicy(origins: string[]): Json {
  return {
    '@type': 'type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy',
    allow_origin_string_match: [...new Set(origins)].sort().map(exact => ({ exact })),
    allow_methods: 'GET, POST, PUT, PATCH, DELETE',
    allow_headers: 'authorization, content-type, grpc-timeout, x-api-version, x-grpc-web, x-request-id, x-user-agent',
    expose_headers: 'allow, etag, grpc-message, grpc-status, grpc-status-details-bin, retry-after, x-request-id',
    max_age: '7200',
    allow_credentials: true,
  }
}
