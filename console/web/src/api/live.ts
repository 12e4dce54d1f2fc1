/**
 * Server streams that are kept for as long as a part of the page looks at them: shared by all who ask for the same, reconnected when
 * cut, and honest about it. What was last known stays, and says since when it is not live.
 */
import {
  create,
  type DescMessage,
  type DescMethodServerStreaming,
  type MessageInitShape,
  type MessageShape,
  toJsonString,
} from '@bufbuild/protobuf'
import { Code, ConnectError, type Transport } from '@connectrpc/connect'

export interface Live<T> {
  /** What is known; undefined until the first message. */
  value: T | undefined
  /** Whether that is how it is now. */
  live: boolean
  /** When something was heard last. */
  seen: Date | undefined
  /** Why it is not live; undefined while it is, or is being connected for the first time. */
  error: unknown
}

export interface LiveSource<I extends DescMessage, O extends DescMessage, T> {
  method: DescMethodServerStreaming<I, O>
  /** Takes a message in. `state` is undefined at the first message of each connection, which then has all of it. */
  reduce: (state: T | undefined, message: MessageShape<O>) => T
  /** After so long without a message the connection is taken for dead, in ms. Only for streams that always say something. */
  silenceMs?: number
}

export interface LiveOptions {
  transport: Transport
  now?: () => number
  /** Told of at most once in this time, in ms. */
  pauseMs?: number
  /** How long a stream that nobody looks at is kept, so that going to another page does not cut it. ms. */
  lingerMs?: number
}

/** After a pause, so long is waited for the first message before what is known is taken for old. ms. */
const resumeMs = 1_500
/** Waits before each attempt to connect again, in ms; the last one is repeated. */
const backoffMs = [250, 500, 1_000, 2_000, 5_000]
/** Trying again changes nothing about these. */
const final: ReadonlySet<Code> = new Set([
  Code.InvalidArgument,
  Code.NotFound,
  Code.PermissionDenied,
  Code.Unauthenticated,
  Code.FailedPrecondition,
  Code.Unimplemented,
])

interface Entry<T> {
  snapshot: Live<T>
  listeners: Set<() => void>
  retry: () => void
  /** Gives the connection back until `resume`; what is known is not said to be old meanwhile, as nobody looks. */
  pause: () => void
  resume: () => void
  close: () => void
  linger: ReturnType<typeof setTimeout> | undefined
}

export function createLiveStreams({ transport, now = Date.now, pauseMs = 60, lingerMs = 3_000 }: LiveOptions) {
  const entries = new Map<string, Entry<unknown>>()
  let paused = false

  /** @returns what `useSyncExternalStore` takes, and a way to try again at once. */
  function open<I extends DescMessage, O extends DescMessage, T>(
    source: LiveSource<I, O, T>,
    input: MessageInitShape<I>,
  ) {
    const { method } = source
    const request = create(method.input, input)
    const key = `${method.parent.typeName}/${method.name} ${toJsonString(method.input, request)}`
    const entry = () => entries.get(key) as Entry<T> | undefined
    return {
      subscribe(listener: () => void) {
        const kept = entry() ?? start(key, source, request)
        clearTimeout(kept.linger)
        kept.listeners.add(listener)
        return () => {
          kept.listeners.delete(listener)
          if (kept.listeners.size === 0) kept.linger = setTimeout(kept.close, lingerMs)
        }
      },
      snapshot: (): Live<T> => entry()?.snapshot ?? nothingYet,
      retry: () => entry()?.retry(),
    }
  }

  function start<I extends DescMessage, O extends DescMessage, T>(
    key: string,
    { method, reduce, silenceMs }: LiveSource<I, O, T>,
    request: MessageShape<I>,
  ): Entry<T> {
    let connection = new AbortController()
    let wake: () => void = () => undefined
    let closed = false
    /** Resolves when the pause is over; undefined without one. */
    let pause: PromiseWithResolvers<void> | undefined
    let resuming: ReturnType<typeof setTimeout> | undefined
    let telling: ReturnType<typeof setTimeout> | undefined
    let pending: Live<T> = nothingYet

    const entry: Entry<T> = {
      snapshot: nothingYet,
      listeners: new Set(),
      retry: () => wake(),
      pause() {
        pause ??= Promise.withResolvers()
        clearTimeout(resuming)
        connection.abort(pausing)
        wake()
      },
      resume() {
        if (!pause) return
        pause.resolve()
        pause = undefined
        resuming = setTimeout(() => tell({ ...pending, live: false }), resumeMs)
      },
      close() {
        closed = true
        clearTimeout(telling)
        clearTimeout(resuming)
        pause?.resolve()
        entries.delete(key)
        connection.abort()
        wake()
      },
      linger: undefined,
    }
    entries.set(key, entry as Entry<unknown>)

    function tell(next: Live<T>) {
      pending = next
      telling ??= setTimeout(() => {
        telling = undefined
        entry.snapshot = pending
        for (const listener of entry.listeners) listener()
      }, pauseMs)
    }

    async function connect(heard: () => void) {
      connection = new AbortController()
      let silence: ReturnType<typeof setTimeout> | undefined
      const listen = () => {
        clearTimeout(silence)
        if (silenceMs)
          silence = setTimeout(
            () => connection.abort(new ConnectError('Nothing was heard.', Code.Unavailable)),
            silenceMs,
          )
      }
      let state: T | undefined
      try {
        listen()
        const messages = (async function* () {
          yield request
        })()
        // A stream lives as long as it is looked at: no deadline.
        const { message } = await transport.stream(method, connection.signal, 0, undefined, messages)
        for await (const part of message) {
          listen()
          heard()
          clearTimeout(resuming)
          state = reduce(state, part)
          tell({ value: state, live: true, seen: new Date(now()), error: undefined })
        }
        throw new ConnectError('The stream has ended.', Code.Unavailable)
      } finally {
        clearTimeout(silence)
      }
    }

    async function keep() {
      let failures = 0
      while (!closed) {
        if (pause) await pause.promise
        if (closed) return
        const error = await connect(() => {
          failures = 0
        }).catch(thrown => thrown)
        if (closed) return
        if (connection.signal.reason === pausing) continue
        clearTimeout(resuming)
        tell({ ...pending, live: false, error })
        const waited = final.has(ConnectError.from(error).code)
          ? undefined
          : backoffMs[Math.min(failures++, backoffMs.length - 1)]
        await new Promise<void>(resolve => {
          wake = resolve
          if (waited !== undefined) setTimeout(resolve, waited * (0.75 + Math.random() / 2))
        })
      }
    }

    if (paused) entry.pause()
    void keep()
    return entry
  }

  return {
    open,
    /** Connects at once what waits to try again: the network is back. */
    retryAll: () => {
      for (const entry of entries.values()) if (!entry.snapshot.live) entry.retry()
    },
    /** Gives all connections back: a browser has six for all pages of a site together, and nobody looks at this one. */
    pauseAll: () => {
      paused = true
      for (const entry of entries.values()) entry.pause()
    },
    resumeAll: () => {
      paused = false
      for (const entry of entries.values()) entry.resume()
    },
    /** Forgets everything: somebody else looks at the page now. */
    closeAll: () => {
      for (const entry of [...entries.values()]) {
        const { listeners } = entry
        entry.close()
        for (const listener of listeners) listener()
      }
    },
  }
}

/** Why a connection ends that nobody looks at. */
const pausing = new ConnectError('Nobody looks.', Code.Canceled)
const nothingYet: Live<never> = { value: undefined, live: false, seen: undefined, error: undefined }
