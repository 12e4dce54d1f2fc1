import { create } from '@bufbuild/protobuf'
import { Code, ConnectError, createRouterTransport } from '@connectrpc/connect'
import {
  DiagnosticsService,
  type WatchChangesResponse,
  WatchChangesResponseSchema,
} from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import { expect, test, vi } from 'vitest'
import { createLiveStreams, type LiveSource } from './live.ts'

const { watchChanges } = DiagnosticsService.method
const change = (id: number) => create(WatchChangesResponseSchema, { change: { id: BigInt(id) } })
/** Collects the ids that it hears of; a new connection begins anew. */
const ids: LiveSource<typeof watchChanges.input, typeof watchChanges.output, number[]> = {
  method: watchChanges,
  reduce: (state = [], { change }) => [...state, Number(change?.id)],
}

type Answer = (signal: AbortSignal) => AsyncIterable<WatchChangesResponse>
const until = (signal: AbortSignal) => new Promise<void>(resolve => signal.addEventListener('abort', () => resolve()))

/** Answers the first connection by the first of `answers`, and so on; the last one serves all that follow. */
function streams(...answers: Answer[]) {
  const calls: AbortSignal[] = []
  const transport = createRouterTransport(({ rpc }) => {
    rpc(watchChanges, (_, { signal }) => {
      calls.push(signal)
      return (answers[calls.length - 1] ?? (answers.at(-1) as Answer))(signal)
    })
  })
  return { calls, live: createLiveStreams({ transport, pauseMs: 0, lingerMs: 20 }) }
}

const stays: Answer = async function* (signal) {
  yield change(1)
  await until(signal)
}

test('who asks for the same shares one stream, which ends soon after the last one has gone', async () => {
  const { calls, live } = streams(stays)
  const [a, b] = [live.open(ids, {}), live.open(ids, {})]
  const ends = [a.subscribe(() => undefined), b.subscribe(() => undefined)]
  await vi.waitFor(() => expect(b.snapshot()).toMatchObject({ value: [1], live: true }))
  for (const end of ends) end()
  expect(calls).toHaveLength(1)
  await vi.waitFor(() => expect(calls[0]?.aborted).toBe(true))
  expect(a.snapshot().value).toBeUndefined()
})

test('a stream that is cut keeps what it told, says that it is not live, and begins anew when it is back', async () => {
  const seen: unknown[] = []
  const { live } = streams(
    async function* () {
      yield change(1)
      yield change(2)
      throw new ConnectError('cut', Code.Unavailable)
    },
    async function* (signal) {
      yield change(7)
      await until(signal)
    },
  )
  const stream = live.open(ids, {})
  stream.subscribe(() => seen.push(stream.snapshot()))
  await vi.waitFor(() => expect(stream.snapshot()).toMatchObject({ value: [7], live: true, error: undefined }))
  expect(seen).toContainEqual(expect.objectContaining({ value: [1, 2], live: false }))
})

test('a refusal is not tried again until somebody asks for it', async () => {
  const { calls, live } = streams(() => {
    throw new ConnectError('no', Code.PermissionDenied)
  }, stays)
  const stream = live.open(ids, {})
  stream.subscribe(() => undefined)
  await vi.waitFor(() => expect(stream.snapshot().error).toMatchObject({ code: Code.PermissionDenied }))
  expect(calls).toHaveLength(1)
  stream.retry()
  await vi.waitFor(() => expect(stream.snapshot()).toMatchObject({ value: [1], live: true }))
})

test('a connection that has gone silent is replaced', async () => {
  const { calls, live } = streams(stays)
  const stream = live.open({ ...ids, silenceMs: 30 }, {})
  stream.subscribe(() => undefined)
  await vi.waitFor(() => expect(calls.length).toBeGreaterThan(1))
  expect(calls[0]?.aborted).toBe(true)
})

test('a page that nobody sees gives its connection back, and has it again when it is seen', async () => {
  const { calls, live } = streams(stays, async function* (signal) {
    yield change(2)
    await until(signal)
  })
  const stream = live.open(ids, {})
  const told: boolean[] = []
  stream.subscribe(() => told.push(stream.snapshot().live))
  await vi.waitFor(() => expect(stream.snapshot().live).toBe(true))
  live.pauseAll()
  await vi.waitFor(() => expect(calls[0]?.aborted).toBe(true))
  const late = live.open(ids, { after: 1n })
  late.subscribe(() => undefined)
  expect(calls).toHaveLength(1)
  live.resumeAll()
  await vi.waitFor(() => expect(stream.snapshot().value).toEqual([2]))
  await vi.waitFor(() => expect(calls).toHaveLength(3))
  expect(told).not.toContain(false)
})

test('what does not come back after a pause is said to be old', async () => {
  // biome-ignore lint/correctness/useYield: it says nothing
  const { live } = streams(stays, async function* (signal) {
    await until(signal)
  })
  const stream = live.open(ids, {})
  stream.subscribe(() => undefined)
  await vi.waitFor(() => expect(stream.snapshot().live).toBe(true))
  live.pauseAll()
  live.resumeAll()
  expect(stream.snapshot().live).toBe(true)
  await vi.waitFor(() => expect(stream.snapshot()).toMatchObject({ value: [1], live: false }), { timeout: 4_000 })
})
