/** A simulated instance: a server with health checks, and a stream to the Console as services/runtime/attach.ts has it. */
import type { ClientHttp2Session } from 'node:http2'
import { AttachRequest, AttachResponse } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import { joinTokenHeader } from '@site11/runtime/attach.ts'
import { createKey } from '@site11/runtime/identity.ts'
import { type Call, openCall, openSession } from './grpc.ts'
import { type InstanceServer, startInstanceServer } from './instance-server.ts'

export interface InstanceOptions {
  /** `host:port` of the Console. */
  console: string
  joinToken: string
  /** The authorities of the mesh, PEM. */
  trust: string
  service: string
  name: string
  contract: Buffer
  /** The services whose instances it wants to be told of. */
  watches?: string[]
  /** Told of each message that it sent or was sent. */
  count?(what: 'heartbeats' | 'peers' | 'other' | 'lost streams'): void
}

export interface SimulatedInstance {
  name: string
  service: string
  server: InstanceServer
  /** The addresses of each service that it watches, as it was told last. */
  peers: ReadonlyMap<string, string[]>
  /** Attaches as a process that has just started, and stays so. Resolves when it is welcome; rejects when it is refused. */
  attach(): Promise<void>
  /** Asks to be taken out of service; resolves when no proxy sends it requests. */
  drain(): Promise<void>
  /** Ends the stream, in order. */
  leave(): void
  close(): void
}

/** One for all instances of the process. */
const key = createKey()
const attachPath = '/site11.console.v1.RegistryService/Attach'
/** As services/runtime/attach.ts has it. ms. */
const againMs = (failures: number) => Math.min(2000, 100 * 2 ** Math.min(failures, 5)) * (0.5 + Math.random())

export async function startInstance(options: InstanceOptions): Promise<SimulatedInstance> {
  const { console, joinToken, trust, service, name, contract, watches = [], count = () => {} } = options
  const server = await startInstanceServer(name)
  const { publicKey, privateKey } = await key
  const peers = new Map<string, string[]>()
  let session: ClientHttp2Session | undefined
  let call: Call | undefined
  let drained: (() => void) | undefined

  function send(message: AttachRequest['message']) {
    call?.write(AttachRequest.encode({ message }).finish())
  }

  const askFor = () => {
    if (watches.length > 0) send({ $case: 'watchPeers', value: { services: watches } })
    send({ $case: 'certificateRequest', value: { publicKey } })
  }

  /** One life of the stream; when it breaks, another one follows. The first fails when it is refused. */
  function open(startTime: Date, welcome: () => void, refused?: (problem: string) => void, failures = 0) {
    let beating: NodeJS.Timeout | undefined
    let isWelcome = false
    const beat = () => {
      count('heartbeats')
      send({ $case: 'heartbeat', value: { sendTime: new Date(), dependencies: [], calls: [] } })
    }
    const own = openSession(console, trust)
    const opened = openCall(
      own,
      attachPath,
      { [joinTokenHeader]: joinToken },
      {
        onMessage(bytes) {
          const { message } = AttachResponse.decode(bytes)
          count(message?.$case === 'peers' ? 'peers' : 'other')
          if (message?.$case === 'welcome') {
            isWelcome = true
            const { seconds = 5, nanos = 0 } = message.value.heartbeatInterval ?? {}
            beating = setInterval(beat, seconds * 1000 + nanos / 1e6)
            welcome()
          }
          if (message?.$case === 'certificate') {
            const { chain } = message.value
            server.setCertificate({ chain, privateKey, trust })
          }
          if (message?.$case === 'peers') {
            const told = message.value
            peers.set(told.service, told.peers.map(({ address }) => address).sort())
          }
          if (message?.$case === 'drained') drained?.()
        },
        onEnd(problem) {
          clearInterval(beating)
          own.close()
          if (call !== opened) return
          call = undefined
          if (!isWelcome && refused) return refused(problem ?? 'the Console ended the stream')
          if (isWelcome) count('lost streams')
          const again = isWelcome ? 0 : failures + 1
          setTimeout(() => {
            if (session === own) open(startTime, () => {}, undefined, again)
          }, againMs(again))
        },
      },
    )
    session = own
    call = opened
    const address = `127.0.0.1:${server.port}`
    const facts = { service, instance: name, version: '1.0.0', zone: '', apiVersion: '', address, contract }
    send({ $case: 'hello', value: { ...facts, startTime, sendTime: new Date() } })
    askFor()
  }

  function leave() {
    const left = call
    call = undefined
    session = undefined
    left?.end()
  }

  return {
    name,
    service,
    server,
    peers,
    attach: () =>
      new Promise((resolve, reject) => open(new Date(), resolve, problem => reject(new Error(`${name}: ${problem}`)))),
    drain: () =>
      new Promise(resolve => {
        drained = resolve
        send({ $case: 'draining', value: {} })
      }),
    leave,
    close() {
      leave()
      server.close()
    },
  }
}
