/** What the contract says of a method's answers being kept, put around its handler. */

import { getOption } from '@bufbuild/protobuf'
import type { MethodDefinition } from '@grpc/grpc-js'
import { type MethodPolicy, method as policyOption } from '@site11/proto/es/site11/policy/v1/policy_pb.ts'
import type { Cache } from './cache.ts'
import type { Call } from './call.ts'
import { type Method, registry } from './contract.ts'

type UnaryHandler = (request: unknown, call: Call) => Promise<unknown>

/** An answer in the form in which it is kept and sent: to decode it only to encode it again would cost more than the cache does. */
class Encoded {
  readonly bytes: Buffer
  constructor({ buffer, byteOffset, byteLength }: Uint8Array) {
    this.bytes = Buffer.from(buffer, byteOffset, byteLength)
  }
}

/** @returns a serializer that takes what handlers answer and what `cached` does. */
export const unlessEncoded =
  (serialize: (message: never) => Buffer) =>
  (message: unknown): Buffer =>
    message instanceof Encoded ? message.bytes : serialize(message as never)

/** Whether a method needs a cache. */
export const wantsCache = ({ policy }: Method): boolean =>
  policy?.cache !== undefined || (policy?.changes.length ?? 0) > 0

/**
 * @returns a handler that gives answers again, which are for `unlessEncoded`, or has those forgotten that it makes outdated, as the method's
 * policy says.
 */
export function cached(
  { path, policy }: Method,
  shape: MethodDefinition<unknown, unknown>,
  handler: UnaryHandler,
  cache: Cache,
): UnaryHandler {
  const { cache: rules, changes = [] } = policy ?? {}
  if (rules) {
    const freshMs = msOf(rules.fresh)
    const staleMs = msOf(rules.stale)
    const timeoutMs = msOf(policy?.timeout)
    return async (request, call) => {
      const subject = rules.subject === '' ? path : subjectFrom(rules.subject, request)
      const bytes = Buffer.concat([Buffer.from(`${path}\n`), shape.requestSerialize(request)])
      const answer = await cache.read({ subject, freshMs, staleMs }, bytes, async () => {
        // It is for all who wait: none of them ends it by hanging up.
        const signal = AbortSignal.timeout(timeoutMs)
        return shape.responseSerialize(await handler(request, { ...call, signal, deadlineMs: Date.now() + timeoutMs }))
      })
      return new Encoded(answer)
    }
  }
  const outdated = changes.map(template => ({ template, longestMs: longestKeptMs(template) }))
  return async (request, call) => {
    const answer = await handler(request, call)
    await Promise.all(
      outdated.map(({ template, longestMs }) => cache.forget(subjectFrom(template, request), longestMs)),
    )
    return answer
  }
}

/** What stands before the first slash says which answers are about the same kind of thing. */
export const kindOf = (template: string): string => template.split('/', 1)[0] ?? ''

/** @returns how long answers about such a subject are kept at most, ms. */
export function longestKeptMs(template: string): number {
  const policies: MethodPolicy[] = [...registry]
    .flatMap(type => (type.kind === 'service' ? type.methods : []))
    .map(method => getOption(method, policyOption))
  const kept = policies.flatMap(({ cache }) => (cache && kindOf(cache.subject) === kindOf(template) ? [cache] : []))
  return Math.max(0, ...kept.map(({ fresh, stale }) => msOf(fresh) + msOf(stale)))
}

/** @param template such as `users/{user.id}`. @returns it with the fields of the request. */
export function subjectFrom(template: string, request: unknown): string {
  return template.replace(/\{([a-z0-9_.]+)\}/g, (_, path: string) => {
    const value = path
      .split('.')
      .reduce(
        (of, name) => Object(of)[name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())],
        request,
      )
    return encodeURIComponent(String(value ?? ''))
  })
}

const msOf = (duration: { seconds: bigint; nanos: number } | undefined): number =>
  duration ? Number(duration.seconds) * 1000 + duration.nanos / 1e6 : 0
