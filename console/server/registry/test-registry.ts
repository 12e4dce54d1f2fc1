/** A registry on a real mongod behind a real gRPC server, and instances that attach to it, for tests. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ServiceError as GrpcError, Metadata } from '@grpc/grpc-js'
import {
  type AttachRequest,
  type AttachResponse,
  type Hello,
  Proxy as ProxyMessage,
  RegistryServiceService,
} from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import { UsersServiceService } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import { joinTokenHeader } from '@site11/runtime/attach.ts'
import { authenticateWith, createVerifier } from '@site11/runtime/caller.ts'
import { contractOf } from '@site11/runtime/contract.ts'
import { detailsOf } from '@site11/runtime/errors.ts'
import { createIdentity } from '@site11/runtime/identity.ts'
import { createLog } from '@site11/runtime/log.ts'
import { addService, createServer, listen } from '@site11/runtime/server.ts'
import type { Peer } from '@site11/runtime/spiffe.ts'
import { clientTo } from '@site11/runtime/test-identity.ts'
import { createTestTokens, testIssuer } from '@site11/runtime/test-tokens.ts'
import type { Db } from 'mongodb'
import { vi } from 'vitest'
import { loadAuthorities } from '../ca/authorities.ts'
import { createCertificates } from '../ca/certificates.ts'
import { checkContract } from '../edge.ts'
import { type JournalOptions, openJournal } from '../journal/journal.ts'
import { loadKeys } from '../keys/keys.ts'
import type { Rotation } from '../keys/ring.ts'
import { createTokens } from '../tokens.ts'
import { loadContracts } from './contracts.ts'
import { acceptJoinToken } from './join.ts'
import { runRegistry } from './live-registry.ts'
import type { Instance } from './model.ts'
import { registryService } from './service.ts'

export const log = createLog('test', 'silent')
export const joinToken = 'a join token for tests'
export const usersContract = Buffer.from(contractOf([UsersServiceService]))
export const startTime = new Date('2026-01-01T00:00:00Z')

export type Message = AttachResponse['message']
type Kind = NonNullable<Message>['$case']
export type TestRegistry = Awaited<ReturnType<typeof startRegistry>>
type Methods = typeof RegistryServiceService

/** How authorities and certificates are renewed. */
type Trust = { times?: Rotation; certificateMs?: number }

/** Runs a registry on what the database has. @param listenOn `host:port`; 0 is any port. */
export async function startRegistry(
  db: Db,
  { times, certificateMs, ...options }: Partial<JournalOptions> & Trust = {},
  listenOn = '127.0.0.1:0',
) {
  const clocks = { keysMs: 0 }
  const keys = await loadKeys({ db, secretKey: Buffer.alloc(32), log, now: () => Date.now() + clocks.keysMs })
  const authorities = await loadAuthorities({
    db,
    secretKey: Buffer.alloc(32),
    log,
    now: () => Date.now() + clocks.keysMs,
    ...(times && { times }),
  })
  const certificates = createCertificates(authorities)
  /** A process that somebody has given a certificate of this mesh. */
  const identityOf = (peer: Peer) => {
    const made = createIdentity()
    const { certificateChain, privateKey } = certificates(peer, 3_600_000)
    made.setTrust(authorities.bundle())
    made.setCertificate({ chain: certificateChain, privateKey })
    return made
  }
  const contracts = await loadContracts(db)
  const journal = await openJournal({ db, secretKey: Buffer.alloc(32), log, prepare: contracts.store, ...options })
  const registry = runRegistry({ journal, contracts, log })
  const own = consoleInstance()
  /** What the proxies were waited for, and how they answer. */
  const proxies = { waits: [] as { change?: number; timeoutMs: number }[], take: () => {} }
  const attachments = registryService({
    registry,
    journal,
    tokens: createTokens(keys, testIssuer),
    authorities,
    keys,
    ...(certificateMs !== undefined && { certificateMs }),
    issuer: testIssuer,
    jwks: keys.jwks,
    controlPlane: {
      proxies: () => [ProxyMessage.create({ nodeId: 'envoy-1' })],
      waitForAcks: wait => {
        proxies.waits.push(wait)
        return new Promise(resolve => {
          proxies.take = () => resolve({ change: wait.change ?? 0, waiting: [] })
        })
      },
    },
    checkContract: (name, contract) => checkContract([], { name, contract, instances: [] }),
    own: () => ({ ...own }),
    now: Date.now,
  })
  keys.onChange(attachments.push)
  const tokens = await createTestTokens()
  const verifier = createVerifier()
  verifier.setKeys(tokens.keys)
  const authenticate = acceptJoinToken(joinToken, authenticateWith(verifier))
  const server = createServer()
  addService(server, RegistryServiceService, attachments.handlers, { authenticate, log })
  const identity = createIdentity()
  const takeTrust = () => {
    const { certificateChain, privateKey } = certificates({ service: 'console', instance: 'console-1' }, 3_600_000)
    identity.setTrust(authorities.bundle())
    identity.setCertificate({ chain: certificateChain, privateKey })
    writeFileSync(trustFile, authorities.bundle())
  }
  const folder = mkdtempSync(join(tmpdir(), 'site11-registry-'))
  const trustFile = join(folder, 'ca.pem')
  takeTrust()
  authorities.onChange(() => {
    takeTrust()
    attachments.push()
  })
  const address = `127.0.0.1:${await listen(server, listenOn, identity.openServer())}`
  const client = clientTo(address, 'console', identityOf({ proxy: 'edge-1' }))
  const streams: { cancel(): void }[] = []

  /** Calls a unary method with an access token of this scope. @returns the response, or the error. */
  async function call<
    Name extends
      | 'listInstances'
      | 'getInstance'
      | 'drainInstance'
      | 'removeService'
      | 'getTraffic'
      | 'setTraffic'
      | 'resumeInstance'
      | 'removeInstance'
      | 'rotateSecrets'
      | 'listProxies',
  >(
    name: Name,
    request: Parameters<Methods[Name]['requestSerialize']>[0],
    scope = 'mesh:read mesh:write',
  ): Promise<{ error?: GrpcError; value?: ReturnType<Methods[Name]['responseDeserialize']> }> {
    const { path, requestSerialize, responseDeserialize } = RegistryServiceService[name] as Methods['getInstance']
    const metadata = new Metadata()
    metadata.set('authorization', `Bearer ${await tokens.access(scope)}`)
    return await new Promise(resolve =>
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request as never, metadata, (error, value) =>
        resolve(error ? { error } : { value: value as never }),
      ),
    )
  }

  /** Watches the instances. @returns what came so far, as `+name`, `~name`, `-name` and `READY`, and the messages. */
  async function watch(service = '') {
    const { path, requestSerialize, responseDeserialize } = RegistryServiceService.watchInstances
    const metadata = new Metadata()
    metadata.set('authorization', `Bearer ${await tokens.access('mesh:read')}`)
    const stream = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, { service }, metadata)
    const seen: string[] = []
    const messages: ReturnType<typeof responseDeserialize>[] = []
    stream.on('data', (message: (typeof messages)[number]) => {
      messages.push(message)
      seen.push(message.instance ? `${'??+~-'[message.type]}${message.instance.instance}` : 'READY')
    })
    stream.on('error', () => {})
    streams.push(stream)
    return { seen, messages, stream }
  }

  /** Opens a stream, by way of the edge or as somebody else. `got` waits for the latest message of a kind. */
  function attach(metadata: Record<string, string> = { [joinTokenHeader]: joinToken }, as?: Peer) {
    const by = as ? clientTo(address, 'console', identityOf(as)) : client
    if (as) streams.push({ cancel: () => by.close() })
    const { path, requestSerialize, responseDeserialize } = RegistryServiceService.attach
    const headers = new Metadata()
    for (const [name, value] of Object.entries(metadata)) headers.set(name, value)
    const serialize = (message: AttachRequest | Buffer) =>
      Buffer.isBuffer(message) ? message : requestSerialize(message)
    const stream = by.makeBidiStreamRequest(path, serialize, responseDeserialize, headers)
    const received: Message[] = []
    stream.on('data', ({ message }: AttachResponse) => received.push(message))
    const ended = new Promise<GrpcError | undefined>(resolve =>
      stream.on('error', resolve).on('end', () => resolve(undefined)),
    )
    streams.push(stream)
    return {
      send: (message: AttachRequest['message']) => stream.write({ message }),
      /** A serialized AttachRequest, of what `send` cannot express. */
      sendBytes: (bytes: Uint8Array) => stream.write(Buffer.from(bytes)),
      received,
      ended,
      close: () => stream.end(),
      cancel: () => stream.cancel(),
      async got<K extends Kind>(kind: K): Promise<Extract<Message, { $case: K }>> {
        return await vi.waitFor(() => {
          const found = received.findLast(message => message?.$case === kind)
          if (!found) throw new Error(`no ${kind} yet`)
          return found as Extract<Message, { $case: K }>
        })
      },
    }
  }

  /** Attaches and makes the instance healthy. */
  async function attached(change: Partial<Hello> = {}) {
    const stream = attach()
    stream.send(hello(change))
    await stream.got('internalToken')
    const instance = change.instance ?? 'users-1'
    const health = { status: 'healthy', since: new Date(), reason: '' } as const
    registry.apply({ type: 'health', instance, startTime: change.startTime ?? startTime, health })
    return stream
  }

  return {
    registry,
    journal,
    keys,
    clocks,
    attachments,
    proxies,
    tokens,
    own,
    authorities,
    identityOf,
    trustFile,
    address,
    call,
    watch,
    attach,
    attached,
    instance: (name: string) => registry.state().instances.get(name),
    async close() {
      registry.close()
      for (const stream of streams) stream.cancel()
      client.close()
      server.forceShutdown()
      rmSync(folder, { recursive: true })
      await journal.close()
    },
  }
}

export const hello = (change: Partial<Hello> = {}): AttachRequest['message'] => ({
  $case: 'hello',
  value: {
    service: 'users',
    instance: 'users-1',
    version: '1.0.0',
    apiVersion: '',
    address: '127.0.0.1:8110',
    zone: '',
    startTime,
    contract: usersContract,
    sendTime: undefined,
    ...change,
  },
})

export const watchPeers = (...services: string[]): AttachRequest['message'] => ({
  $case: 'watchPeers',
  value: { services },
})

/** @returns the addresses in the last message of peers of a service; undefined when there was none. */
export function peersIn(received: Message[], service: string): string[] | undefined {
  const found = received.findLast(message => message?.$case === 'peers' && message.value.service === service)
  return found?.$case === 'peers' ? found.value.peers.map(({ address }) => address) : undefined
}

export const reasonOf = (error: GrpcError | undefined) => error && detailsOf(error)?.info?.reason

const consoleInstance = (): Instance => ({
  service: 'console',
  instance: 'console-1',
  version: '1.0.0',
  apiVersion: '1.0',
  address: '127.0.0.1:1',
  ip: '127.0.0.1',
  port: 1,
  zone: '',
  startTime,
  contractHash: '',
  stream: 0,
  seenMs: 0,
  registerTime: startTime,
  draining: false,
  drainTime: undefined,
  drained: undefined,
  clockOffsetMs: 0,
  health: { status: 'healthy', since: startTime, reason: '' },
  healthChangesMs: [],
  dependencies: [],
  calls: [],
})
