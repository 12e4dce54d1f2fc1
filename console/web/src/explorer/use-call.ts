/** A call under way and what has come of it. A stream may send without end: only its last messages are kept. */
import {
  type DescMethod,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  getOption,
  type JsonObject,
  type JsonValue,
  type Message,
  type Registry,
  toBinary,
  toJson,
} from '@bufbuild/protobuf'
import { Code, ConnectError } from '@connectrpc/connect'
import { createGrpcWebTransport } from '@connectrpc/connect-web'
import { method as policyOption } from '@site11/proto/es/site11/policy/v1/policy_pb.ts'
import { useEffect, useRef, useState } from 'react'
import { interceptors } from '../api/client.ts'

export interface Received {
  /** 1 for the first. */
  number: number
  /** Since the call was sent. */
  ms: number
  bytes: number
  json: JsonValue
}

export interface Call {
  phase: 'sending' | 'open' | 'ended'
  time: Date
  /** As it was sent. */
  draft: JsonObject
  isStream: boolean
  header: [string, string][]
  trailer: [string, string][]
  /** The last ones. */
  messages: readonly Received[]
  /** How many there were, and their size in bytes. */
  count: number
  bytes: number
  /** How long it took, or takes until now. */
  ms: number
  failure?: unknown
  /** Whether it was ended here. */
  stopped?: boolean
}

const keptMessages = 500
/** Of JSON. */
const keptBytes = 4_000_000
/** How often what has come is shown, in ms. */
const showEvery = 100
/** How much longer than the server one waits here, and where the contract sets no limit to a unary call, in ms. */
const patience = 5_000
const noLimit = 60_000

/** Neither sends nor takes cookies: what is tried here cannot end the session of this page. */
const transport = createGrpcWebTransport({
  baseUrl: location.origin,
  interceptors,
  fetch: (input, init) => fetch(input, { ...init, credentials: 'omit' }),
})

/** @param onEnd is told of each call that has ended. */
export function useCall(registry: Registry, onEnd: (call: Call) => void) {
  const [call, setCall] = useState<Call>()
  const running = useRef<AbortController>(undefined)
  const end = useRef(onEnd)
  end.current = onEnd
  useEffect(() => () => running.current?.abort(), [])

  async function start(method: DescMethod, draft: JsonObject, message: Message) {
    running.current?.abort()
    const controller = new AbortController()
    running.current = controller
    const began = performance.now()
    const isStream = method.methodKind === 'server_streaming'
    let now: Call = {
      phase: 'sending',
      time: new Date(),
      draft,
      isStream,
      header: [],
      trailer: [],
      messages: [],
      count: 0,
      bytes: 0,
      ms: 0,
    }
    let timer: ReturnType<typeof setTimeout> | undefined
    const show = () => {
      clearTimeout(timer)
      timer = undefined
      // Another call has taken its place.
      if (running.current === controller) setCall(now)
    }
    const set = (change: Partial<Call>) => {
      now = { ...now, ...change, ms: performance.now() - began }
    }
    const receive = (received: Message) => {
      const { count, bytes, messages } = now
      const size = toBinary(method.output, received).length
      const json = jsonOf(method, received, registry)
      const one = { number: count + 1, ms: performance.now() - began, bytes: size, json }
      set({ count: count + 1, bytes: bytes + size, messages: bounded([...messages, one]) })
    }
    show()
    try {
      if (isStream) {
        const answer = await transport.stream(
          method as DescMethodServerStreaming,
          controller.signal,
          0,
          undefined,
          only(message),
        )
        set({ phase: 'open', header: [...answer.header] })
        show()
        for await (const received of answer.message) {
          receive(received)
          timer ??= setTimeout(show, showEvery)
        }
        set({ phase: 'ended', trailer: [...answer.trailer] })
      } else {
        const answer = await transport.unary(
          method as DescMethodUnary,
          controller.signal,
          timeoutOf(method),
          undefined,
          message,
        )
        receive(answer.message)
        set({ phase: 'ended', header: [...answer.header], trailer: [...answer.trailer] })
      }
    } catch (error) {
      const failure = now.phase === 'open' ? cutOff(ConnectError.from(error)) : ConnectError.from(error)
      const isStopped = controller.signal.aborted
      set({ phase: 'ended', ...(isStopped ? { stopped: true } : { failure, trailer: [...failure.metadata] }) })
    }
    show()
    if (running.current === controller) end.current(now)
  }

  return { call, start, stop: () => running.current?.abort(), clear: () => setCall(undefined) }
}

/** @returns the name of a call's status, as gRPC has it. */
export function statusOf({ failure, stopped, phase }: Call): string {
  if (stopped) return 'STOPPED'
  if (phase !== 'ended') return ''
  if (failure === undefined) return 'OK'
  const { code } = ConnectError.from(failure)
  return (Code[code] ?? 'Unknown').replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase()
}

/** A stream that breaks off has no status of its own: the server, or the way to it, is gone. */
const cutOff = (error: ConnectError): ConnectError =>
  error.code === Code.Unknown && !error.metadata.has('grpc-status')
    ? new ConnectError(error.rawMessage, Code.Unavailable, error.metadata, undefined, error)
    : error

function timeoutOf(method: DescMethod): number {
  const { timeout } = getOption(method, policyOption)
  const ms = timeout ? Number(timeout.seconds) * 1000 + timeout.nanos / 1e6 : 0
  return ms > 0 ? ms + patience : noLimit
}

/** With the fields that are empty, as REST answers have them too. */
function jsonOf(method: DescMethod, message: Message, registry: Registry): JsonValue {
  try {
    return toJson(method.output, message, { registry, alwaysEmitImplicit: true })
  } catch (error) {
    // A google.protobuf.Any of a message that no contract has.
    return { '@unreadable': String(error) }
  }
}

function bounded(messages: Received[]): Received[] {
  const kept = messages.slice(-keptMessages)
  let bytes = kept.reduce((sum, each) => sum + each.bytes, 0)
  while (kept.length > 1 && bytes > keptBytes) bytes -= kept.shift()?.bytes ?? 0
  return kept
}

async function* only<T>(message: T): AsyncIterable<T> {
  yield message
}
