/** The calls that pages have made lately, as they were sent, so that each can be copied and made elsewhere. Secrets are not kept. */
import {
  create,
  type DescMessage,
  type DescMethod,
  fromJson,
  type JsonObject,
  type MessageInitShape,
  type MessageShape,
  toJson,
} from '@bufbuild/protobuf'
import type { Transport } from '@connectrpc/connect'
import { hasSecrets, withoutSecrets } from './secrets.ts'

export interface RecentCall {
  method: DescMethod
  request: MessageShape<DescMessage>
  /** The address of the page that it was made on. */
  pathname: string
}

/** So many methods are remembered. */
const most = 40

export type RecentCalls = ReturnType<typeof createRecentCalls>

/** @param pathname gives the address of the page that is shown. */
export function createRecentCalls(pathname: () => string) {
  /** Of each method the last call; the newest is the last one. */
  const calls = new Map<string, RecentCall>()
  /** How many streams of a method are open: what pages share belongs to each of them. */
  const streams = new Map<string, number>()
  const keyOf = (method: DescMethod) => `${method.parent.typeName}/${method.name}`
  const isHere = ({ method, pathname: its }: RecentCall) => its === pathname() || (streams.get(keyOf(method)) ?? 0) > 0
  return {
    note<I extends DescMessage>(method: DescMethod & { input: I }, input: MessageInitShape<I>) {
      const key = keyOf(method)
      calls.delete(key)
      calls.set(key, { method, request: withoutItsSecrets(method.input, input), pathname: pathname() })
      for (const [oldest] of calls) {
        if (calls.size <= most) break
        calls.delete(oldest)
      }
    },
    /** @returns what ends it. */
    opened(method: DescMethod) {
      const key = keyOf(method)
      streams.set(key, (streams.get(key) ?? 0) + 1)
      return () => streams.set(key, (streams.get(key) ?? 0) - 1)
    },
    /** @returns the calls of the page that is shown, then those before; the newest first in each. */
    list() {
      const all = [...calls.values()].reverse()
      return { here: all.filter(isHere), before: all.filter(call => !isHere(call)) }
    },
  }
}

/** Something stands where a secret was, so that a copy has a variable for it. */
function withoutItsSecrets<I extends DescMessage>(desc: I, input: MessageInitShape<I>): MessageShape<DescMessage> {
  const message = create(desc, input)
  if (!hasSecrets(desc)) return message
  return fromJson(
    desc,
    withoutSecrets(desc, toJson(desc, message) as JsonObject, () => 'secret'),
  )
}

/** @returns a transport that notes what is sent through it. */
export function recording(inner: Transport, { note, opened }: Pick<RecentCalls, 'note' | 'opened'>): Transport {
  return {
    unary(method, signal, timeoutMs, header, input, context) {
      note(method, input)
      return inner.unary(method, signal, timeoutMs, header, input, context)
    },
    async stream(method, signal, timeoutMs, header, input, context) {
      async function* noted() {
        for await (const each of input) {
          note(method, each)
          yield each
        }
      }
      const response = await inner.stream(method, signal, timeoutMs, header, noted(), context)
      async function* counted() {
        const end = opened(method)
        try {
          yield* response.message
        } finally {
          end()
        }
      }
      return { ...response, message: counted() }
    },
  }
}
