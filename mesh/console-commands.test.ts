import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { Metadata, Server, type ServiceDefinition, status, type UntypedServiceImplementation } from '@grpc/grpc-js'
import {
  Change,
  DiagnosticsServiceService as diagnostics,
  Finding,
  type ListChangesRequest,
  Severity,
  type WaitForAcksResponse,
} from '@site11/proto/grpc/site11/console/v1/diagnostics_service.ts'
import { RegistryServiceService as registry } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import { testAuthority, testService } from '@site11/runtime/test-identity.ts'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { operatorTokenHeader } from '../console/server/operator.ts'
import { type ConsoleClient, connectConsole } from './console-client.ts'
import { diagnoseCommand, operate, showChanges, verifyChanges } from './console-commands.ts'
import { MeshError } from './errors.ts'
import { homeOf } from './home.ts'

const token = 'an operator token for tests'
let folder: string
let server: Server
let port: number
let client: ConsoleClient
/** What the Console of the tests has. */
let changes: Change[]
let findings: Finding[]
let answer: WaitForAcksResponse
let valid: boolean
let asked: unknown[]
let watches: { write(message: object): void; emit(event: 'error', error: Error): unknown }[]
const lines: string[] = []
const show = (line: string) => lines.push(...stripVTControlCharacters(line).split('\n'))

const change = (id: number) =>
  Change.fromPartial({
    id,
    time: new Date(0),
    actor: 'operator',
    action: 'instance.drained',
    subject: 'instances/users-1',
  })

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'site11-console-'))
  changes = [change(1), change(2), change(3)]
  findings = []
  answer = { taken: true, change: 4, waiting: [] }
  valid = true
  asked = []
  watches = []
  lines.length = 0
  port = 0
  await startConsole()
  client = connectConsole(`127.0.0.1:${port}`, token, Buffer.from(testAuthority.bundle))
})
afterEach(() => {
  client.close()
  server.forceShutdown()
  rmSync(folder, { recursive: true })
})

/** An error as our servers send it. */
function ownError(code: status, details: string) {
  const metadata = new Metadata()
  metadata.set('grpc-status-details-bin', Buffer.from(''))
  return Object.assign(new Error(), { code, details, metadata })
}

/** A Console that tells what the tests have, on the same port as before. */
async function startConsole() {
  server = new Server()
  const unary =
    (handle: (request: never) => object) =>
    (call: { request: never; metadata: Metadata }, callback: (error: object | null, value?: object) => void) => {
      asked.push(call.request)
      if (call.metadata.get(operatorTokenHeader)[0] !== token)
        return callback({ code: status.UNAUTHENTICATED, details: 'no' })
      try {
        callback(null, handle(call.request))
      } catch (error) {
        callback(error as object)
      }
    }
  const add = (definition: object, handlers: object) =>
    server.addService(definition as ServiceDefinition, { ...handlers } as UntypedServiceImplementation)
  add(diagnostics, {
    diagnose: unary(() => ({ findings, checkTime: new Date() })),
    listBeliefs: unary(() => ({ instances: [] })),
    waitForAcks: unary(() => answer),
    listChanges: unary(({ filter, pageSize }: ListChangesRequest) => {
      const only = /id > (\d+) AND id <= (\d+)/.exec(filter)
      const wanted = changes.filter(({ id }) => !only || (id > Number(only[1]) && id <= Number(only[2])))
      return { changes: wanted.toReversed().slice(0, pageSize), nextPageToken: '' }
    }),
    verifyChanges: unary(() => ({
      valid,
      count: 3,
      brokenChange: valid ? 0 : 2,
      reason: valid ? '' : 'It was altered.',
      head: 'abc',
    })),
    watchMesh: () => {},
    watchChanges: (call: (typeof watches)[number] & { request: { after: number } }) => {
      asked.push(call.request)
      watches.push(call)
      call.write({ change: undefined })
    },
  })
  add(registry, {
    ...Object.fromEntries(Object.keys(registry).map(name => [name, () => {}])),
    listProxies: unary(() => ({
      proxies: ['envoy-1', 'envoy-2'].map(nodeId => ({
        nodeId,
        types: [],
        client: '',
        variant: 0,
        progress: 0,
        takenChange: 0,
      })),
    })),
    drainInstance: unary(({ instance }: { instance: string }) => {
      if (instance === 'users-1') return { change: 4 }
      const metadata = new Metadata()
      metadata.set('grpc-status-details-bin', Buffer.from(''))
      throw Object.assign(new Error(), {
        code: status.NOT_FOUND,
        details: `There is no instance ${instance}.`,
        metadata,
      })
    }),
    resumeInstance: unary(() => ({ change: 5 })),
    removeInstance: unary(() => ({ change: 6 })),
  })
  port = await new Promise<number>((resolve, reject) =>
    server.bindAsync(`127.0.0.1:${port}`, testService('console').openServer(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  )
}

describe('an operation', () => {
  const drain = { verb: 'drain', name: 'users-1', reason: 'kernel', json: false } as const

  test('is done, and all who have taken it are named', async () => {
    expect(await operate(client, drain, show)).toBe(0)
    expect(asked[0]).toEqual({ instance: 'users-1', reason: 'kernel' })
    expect(lines).toEqual(['users-1 is drained (change 4).', '● envoy-1 has taken it.', '● envoy-2 has taken it.'])
  })

  test('that a proxy has not taken says whom it waits for, and ends with 1', async () => {
    answer = { taken: false, change: 4, waiting: [{ nodeId: 'envoy-2', reason: 'does not answer' }] }
    expect(await operate(client, drain, show)).toBe(1)
    expect(lines.slice(1)).toEqual(['● envoy-1 has taken it.', '◌ envoy-2 has not: does not answer'])
    lines.length = 0
    expect(await operate(client, { ...drain, verb: 'remove', json: true }, show)).toBe(1)
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      name: 'users-1',
      action: 'remove',
      taken: false,
      takenBy: ['envoy-1'],
    })
  })

  test('that is refused is so in one sentence', async () => {
    const refused = operate(client, { ...drain, name: 'nonsense' }, show)
    await expect(refused).rejects.toThrow(new MeshError('There is no instance nonsense.'))
  })
})

describe('changes', () => {
  const listing = { filter: '', lines: 2, follow: false, json: true }
  const ids = () => lines.map(line => JSON.parse(line).id)
  const ending = new AbortController()

  test('are shown with the newest at the end', async () => {
    expect(await showChanges(client, listing, show, ending.signal)).toBe(0)
    expect(ids()).toEqual([2, 3])
  })

  test.each([
    ['', 'vanishes'],
    ['actor = "operator"', 'says that it stops'],
  ])('are followed, filtered by "%s", across a Console that %s, and none is missing or told twice', async filter => {
    const stopping = new AbortController()
    const following = showChanges(client, { ...listing, filter, follow: true }, show, stopping.signal)
    await vi.waitFor(() => expect(watches).toHaveLength(1))
    changes.push(change(4))
    watches[0]?.write({ change: change(4) })
    await vi.waitFor(() => expect(ids()).toEqual([2, 3, 4]))
    changes.push(change(5))
    if (filter) watches[0]?.emit('error', ownError(status.UNAVAILABLE, 'This instance is stopping.'))
    else {
      server.forceShutdown()
      await startConsole()
    }
    await vi.waitFor(() => expect(watches).toHaveLength(2), { timeout: 10_000 })
    expect(asked.at(-1)).toEqual({ after: 4 })
    watches[1]?.write({ change: change(5) })
    await vi.waitFor(() => expect(ids()).toEqual([2, 3, 4, 5]))
    stopping.abort()
    expect(await following).toBe(0)
  })

  test('are proved to be whole, or not', async () => {
    expect(await verifyChanges(client, false, show)).toBe(0)
    valid = false
    expect(await verifyChanges(client, false, show)).toBe(1)
    expect(lines.join(' ')).toMatch(/● whole.*abc ✕ broken Change 2: It was altered\./)
  })
})

describe('a diagnosis', () => {
  const home = () => homeOf({ SITE11_HOME: folder })
  const processes = async () => [
    { name: 'console', state: 'failing' as const, address: '', restarts: 3, reason: 'ended with code 1' },
  ]
  const run = (json = false) => diagnoseCommand(client, home(), { json, processes, deployments: async () => [] }, show)

  test('ends with 1 when something is critical, and only then', async () => {
    expect(await run()).toBe(0)
    findings = [
      Finding.fromPartial({ severity: Severity.SEVERITY_WARNING, code: 'CLOCK_OFF', subject: 'instances/users-1' }),
    ]
    expect(await run()).toBe(0)
    findings = [
      ...findings,
      Finding.fromPartial({ severity: Severity.SEVERITY_CRITICAL, code: 'NO_PROXY', subject: 'mesh' }),
    ]
    lines.length = 0
    expect(await run(true)).toBe(1)
    expect(JSON.parse(lines[0] ?? '').findings).toMatchObject([
      { severity: 'critical', code: 'NO_PROXY' },
      { severity: 'warning', code: 'CLOCK_OFF' },
    ])
  })

  test('goes without the Console, and shows its last words', async () => {
    server.forceShutdown()
    mkdirSync(home().logs, { recursive: true })
    writeFileSync(join(home().logs, 'console.log'), '{"level":60,"time":0,"msg":"the keys cannot be decrypted"}\n')
    expect(await run()).toBe(1)
    const text = lines.join('\n')
    expect(text).toMatch(/CRITICAL {2}CONSOLE_DOWN/)
    expect(text).toMatch(/ended with code 1, restarted 3 times/)
    expect(text).toMatch(/FATAL the keys cannot be decrypted/)
  })
})
