/** An instance of a service made up by a test, that is attached to the Console as any other: real server, real stream. */
import { Metadata, type Server, type ServiceError } from '@grpc/grpc-js'
import {
  type AttachResponse,
  type Hello,
  RegistryServiceClient,
} from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import { joinTokenHeader } from '@site11/runtime/attach.ts'
import { addHealth } from '@site11/runtime/health.ts'
import { createIdentity, createKey, readTrust } from '@site11/runtime/identity.ts'
import { createLog } from '@site11/runtime/log.ts'
import { createServer, listen } from '@site11/runtime/server.ts'
import { contractOfFake } from '@site11/runtime/test-contract.ts'
import { homeOf } from '../mesh/home.ts'
import { portsFrom } from '../mesh/ports.ts'
import { loadSecrets } from '../mesh/secrets.ts'
import { mesh } from './api.ts'

export interface FakeInstance {
  /** `host:port` that it registered with. */
  address: string
  /** Resolves when it is welcome; rejects with the reason when it is refused. */
  welcome: Promise<void>
  /** Breaks the stream without a word and closes the server, as a kill does. */
  kill(): void
}

export interface FakeOptions {
  /** How far its clock is ahead. */
  clockMs?: number
  /** Adds what it serves besides its health. */
  add?(server: Server): void
}

/** @param hello what differs from an ordinary hello. */
export async function startFake(
  hello: Partial<Hello> & Pick<Hello, 'service' | 'instance'>,
  { clockMs = 0, add }: FakeOptions = {},
): Promise<FakeInstance> {
  const identity = createIdentity()
  const server = createServer()
  add?.(server)
  const health = addHealth(server, [], {}, { log: createLog('fake', 'silent') })
  const address = `127.0.0.1:${await listen(server, '127.0.0.1:0', identity.server())}`
  const home = homeOf(mesh.settings)
  const { joinToken } = loadSecrets(home.secrets, [])
  identity.setTrust(await readTrust(home.trust))
  const { publicKey, privateKey } = await createKey()
  const client = new RegistryServiceClient(
    `127.0.0.1:${portsFrom(String(mesh.port)).consoleGrpc}`,
    identity.joining(),
    { 'grpc.ssl_target_name_override': 'console' },
  )
  const metadata = new Metadata()
  metadata.set(joinTokenHeader, joinToken)
  const stream = client.attach(metadata)
  const now = () => new Date(Date.now() + clockMs)
  const welcome = new Promise<void>((resolve, reject) => {
    stream.on('data', ({ message }: AttachResponse) => {
      if (message?.$case === 'welcome') {
        stream.write({ message: { $case: 'certificateRequest', value: { publicKey } } })
        resolve()
      }
      if (message?.$case === 'certificate') identity.setCertificate({ chain: message.value.chain, privateKey })
    })
    stream.on('error', (error: ServiceError) => reject(error))
    stream.on('end', () => reject(new Error('the Console ended the stream')))
  })
  welcome.catch(() => {})
  const facts = { version: '1.0.0', apiVersion: '', zone: '', contract: contractOf(hello.service, 1), ...hello }
  const value = { address, startTime: now(), sendTime: now(), ...facts }
  stream.write({ message: { $case: 'hello', value } })
  const beating = setInterval(
    () => stream.write({ message: { $case: 'heartbeat', value: { sendTime: now(), dependencies: [], calls: [] } } }),
    1000,
  )
  return {
    address: value.address,
    welcome,
    kill() {
      clearInterval(beating)
      stream.cancel()
      health.close()
      client.close()
      server.forceShutdown()
    },
  }
}

/**
 * @returns the contract of a service with so many methods, each bound to a REST path of its own. With very many, no single one is wrong,
 * and yet Envoy refuses the routes: one regular expression of all their paths is larger than it allows.
 */
export function contractOf(service: string, methods: number): Buffer {
  return contractOfFake(service, methods, method => `/api/v1/${service}/${method}-${'long-'.repeat(20)}`)
}
