import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { status } from '@grpc/grpc-js'
import type { Call } from '@site11/runtime/call.ts'
import { createLog } from '@site11/runtime/log.ts'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type ControlHandlers, serveControl } from '../../../mesh/control.ts'
import { MeshError, Refused } from '../../../mesh/errors.ts'
import type { NewChange } from '../journal/journal.ts'
import { recordDeployments } from './journal.ts'
import type { SupervisedDeployment } from './message.ts'
import { operationsService } from './service.ts'

let folder: string
let socket: string
let control: { close: () => void } | undefined
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'site11-operations-'))
  socket = join(folder, 'mesh.sock')
})
afterEach(() => {
  control?.close()
  control = undefined
  rmSync(folder, { recursive: true })
})

const supervise = async (handlers: ControlHandlers) => {
  control = await serveControl(socket, handlers)
}
const caller = { kind: 'user', userId: 'u1', sessionId: 's', scopes: new Set<string>(), expiresAt: new Date() } as const
const callWith = (signal = new AbortController().signal) => ({ caller, signal }) as unknown as Call
const refusal = (code: status, reason: string) => ({ code, details: { reason } })

const deployment: SupervisedDeployment = {
  deployment: 'users-1a',
  service: 'users',
  version: '0.2.0',
  previousVersion: '0.1.0',
  canaryPercent: 10,
  state: 'canary',
  reason: '',
  actor: 'users/u1',
  createTime: new Date().toISOString(),
  steps: [],
  requests: 12,
  failedRequests: 1,
}

test('without a supervisor every method says so', async () => {
  const service = operationsService(undefined)
  const wanted = refusal(status.FAILED_PRECONDITION, 'NO_SUPERVISOR')
  for (const handler of Object.values(service)) {
    const result = (handler as (request: object, call: Call) => Promise<unknown> | AsyncIterable<unknown>)(
      {},
      callWith(),
    )
    const first = Symbol.asyncIterator in result ? result[Symbol.asyncIterator]().next() : result
    await expect(first).rejects.toMatchObject(wanted)
  }
})

test('what the supervisor refuses has the code of why, and one that is away is unavailable', async () => {
  const service = operationsService(socket)
  const ask = () => service.getSettings({ process: 'users-1' }, callWith())
  await expect(ask()).rejects.toMatchObject(refusal(status.UNAVAILABLE, 'DEPENDENCY_UNAVAILABLE'))
  let error: Error = new Error('a fault')
  await supervise({
    '/settings': async () => {
      throw error
    },
  })
  await expect(ask()).rejects.toThrow('a fault')
  for (const [next, code, reason] of [
    [new Refused('invalid', 'no'), status.INVALID_ARGUMENT, 'INVALID_FIELD'],
    [new Refused('unknown', 'no'), status.NOT_FOUND, 'NOT_FOUND'],
    [new Refused('state', 'no'), status.FAILED_PRECONDITION, 'WRONG_STATE'],
    [new MeshError('no'), status.FAILED_PRECONDITION, 'WRONG_STATE'],
  ] as const) {
    error = next
    await expect(ask()).rejects.toMatchObject(refusal(code, reason))
  }
})

test('who asks for a deployment is told to the supervisor', async () => {
  const asked: object[] = []
  await supervise({
    '/deploy': async body => {
      asked.push(body)
      return deployment
    },
  })
  const request = { service: 'users', version: '0.2.0', canaryPercent: 10, canaryDuration: { seconds: 1, nanos: 5e8 } }
  const { deployment: begun } = await operationsService(socket).createDeployment(request, callWith())
  expect(asked).toEqual([{ service: 'users', version: '0.2.0', canaryPercent: 10, canaryMs: 1500, actor: 'users/u1' }])
  expect(begun).toMatchObject({ deployment: 'users-1a', requests: 12, failedRequests: 1, endTime: undefined })
})

test('a stream ends at the supervisor when its caller leaves', async () => {
  const left = Promise.withResolvers<void>()
  await supervise({
    '/watch-logs': (_, signal) =>
      (async function* () {
        signal.addEventListener('abort', () => left.resolve())
        for (;;) {
          yield { lines: [], skipped: 3 }
          await new Promise(resolve => setTimeout(resolve, 10))
        }
      })(),
  })
  const leaving = new AbortController()
  const query = { processes: [], level: 0, search: '', lines: 0 } as const
  const stream = operationsService(socket).watchLogs({ ...query, processes: [] }, callWith(leaving.signal))
  for await (const { skipped } of stream) {
    expect(skipped).toBe(3)
    break
  }
  leaving.abort()
  await left.promise
})

test('a deployment is put down once, however often Consoles hear of it', async () => {
  const stored: (NewChange & { id: number })[] = []
  const journal = {
    record: (change: NewChange) => stored.push({ ...change, id: stored.length + 1 }),
    list: async () => stored as never,
  }
  let state: SupervisedDeployment = { ...deployment, state: 'running' }
  const ended = { endTime: new Date().toISOString() }
  let wake = () => {}
  await supervise({
    '/follow-deployments': (_, signal) =>
      (async function* () {
        while (!signal.aborted) {
          yield state
          await new Promise<void>(resolve => {
            wake = resolve
            signal.addEventListener('abort', () => resolve())
          })
        }
      })(),
  })
  const log = createLog('test', 'silent')
  const first = new AbortController()
  const recording = recordDeployments(socket, journal, first.signal, log)
  const actions = () => stored.map(({ action, actor }) => [action, actor])
  await vi.waitFor(() => expect(actions()).toEqual([['deployment.started', 'users/u1']]))
  first.abort()
  await recording
  state = { ...state, ...ended, state: 'rolled_back', reason: 'The new instances fail more.' }
  const second = new AbortController()
  const again = recordDeployments(socket, journal, second.signal, log)
  await vi.waitFor(() => expect(stored).toHaveLength(2))
  wake()
  second.abort()
  await again
  expect(actions()).toEqual([
    ['deployment.started', 'users/u1'],
    ['deployment.rolled_back', 'console'],
  ])
  expect(stored[1]).toMatchObject({ subject: 'deployments/users-1a' })
  expect(stored[1]?.reason).toMatch(/0\.1\.0 → 0\.2\.0; 12 .*1 of them failed; The new instances fail more/)
})
