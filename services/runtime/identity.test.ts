/** Who may connect to whom, on real connections. */
import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'
import { Client, credentials, type Server, type ServiceError, status } from '@grpc/grpc-js'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { addHealth } from './health.ts'
import { createIdentity, type Identity } from './identity.ts'
import { createLog } from './log.ts'
import { createServer, listen } from './server.ts'
import { clientTo, createTestAuthority, testAuthority, testProxy, testService } from './test-identity.ts'

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close()
})

/** A server with nothing but health. @returns its port. */
async function startServer(identity: Identity, open = false): Promise<number> {
  const server: Server = createServer()
  const health = addHealth(server, [], {}, { log: createLog('test', 'silent') })
  const port = await listen(server, '127.0.0.1:0', open ? identity.openServer() : identity.server())
  closers.push(() => server.forceShutdown(), health.close)
  return port
}

/** Asks for the health. @returns the code of the answer, and what is said with it. */
function ask(client: Client): Promise<{ code: number; details: string }> {
  closers.push(() => client.close())
  const bytes = (value: Buffer) => value
  return new Promise(resolve =>
    client.makeUnaryRequest(
      '/grpc.health.v1.Health/Check',
      bytes,
      bytes,
      Buffer.alloc(0),
      { deadline: Date.now() + 2000 },
      (error: ServiceError | null) => resolve({ code: error?.code ?? 0, details: error?.details ?? '' }),
    ),
  )
}
const asking = (port: number, identity: Identity, service = 'users') =>
  ask(clientTo(`127.0.0.1:${port}`, service, identity))

describe('a service', () => {
  const foreign = createTestAuthority('foreign')
  const trust = testAuthority.bundle

  test('is reached by those with a certificate of the mesh', async () => {
    const port = await startServer(testService('users'))
    for (const caller of [testProxy, testService('console'), testService('images')])
      expect((await asking(port, caller)).code).toBe(status.OK)
  })

  test('is not reached by who shows none, or speaks no TLS', async () => {
    const port = await startServer(testService('users'))
    const without = credentials.createSsl(Buffer.from(trust), null, null, { checkServerIdentity: () => undefined })
    for (const channel of [without, credentials.createInsecure()])
      expect((await ask(new Client(`127.0.0.1:${port}`, channel))).code).toBe(status.UNAVAILABLE)
  })

  test.each([
    ['of another authority', foreign.identity({ proxy: 'edge-1' }, { trust })],
    ['of another authority with the same name', createTestAuthority().identity({ proxy: 'edge-1' }, { trust })],
    ['that has expired', testAuthority.identity({ proxy: 'edge-1' }, { untilMs: -1000 })],
  ])('is not reached with a certificate %s', async (_, caller) => {
    const port = await startServer(testService('users'))
    expect((await asking(port, caller)).code).toBe(status.UNAVAILABLE)
  })

  test('takes a certificate that names nobody of the mesh for none', async () => {
    const port = await startServer(testService('users'))
    for (const uri of ['https://example.com', 'spiffe://elsewhere/service/console/1']) {
      const caller = testAuthority.identity(uri)
      expect((await asking(port, caller)).code).toBe(status.UNAUTHENTICATED)
    }
  })

  test('is not believed with the certificate of another service, an expired one, or a foreign one', async () => {
    const others: [Identity, RegExp][] = [
      [testService('images'), /images-1 of images, not of spiffe:\/\/site11\/service\/users\//],
      [testAuthority.identity({ service: 'usersx', instance: 'users-1' }), /usersx/],
      [testAuthority.identity({ proxy: 'users' }), /proxy/],
      [testAuthority.identity({ service: 'users', instance: 'users-1' }, { untilMs: -1000 }), /expired/],
      [foreign.identity({ service: 'users', instance: 'users-1' }, { trust }), /verify|unable|self/],
    ]
    for (const [identity, said] of others) {
      const port = await startServer(identity)
      const { code, details } = await asking(port, testProxy)
      expect([code, details]).toEqual([status.UNAVAILABLE, expect.stringMatching(said)])
    }
  })

  test('may be another instance only for those who ask for the service', async () => {
    const port = await startServer(testService('users'))
    const to = (instance: string) =>
      ask(new Client(`127.0.0.1:${port}`, testProxy.channelToInstance('users', instance)))
    expect((await to('users-1')).code).toBe(status.OK)
    expect((await to('users-2')).code).toBe(status.UNAVAILABLE)
  })

  test('takes no connection before it has a certificate, and takes them then', async () => {
    const identity = createIdentity()
    const port = await startServer(identity)
    expect((await asking(port, testProxy)).code).toBe(status.UNAVAILABLE)
    const { certificateChain: chain, privateKey } = testAuthority.certificate({ service: 'users', instance: 'users-1' })
    identity.setTrust(trust)
    identity.setCertificate({ chain, privateKey })
    // The caller waits between its attempts.
    await vi.waitFor(async () => expect((await asking(port, testProxy)).code).toBe(status.OK), 5000)
  })
})

test('an open server lets in who shows no certificate, tells them nothing, and takes a foreign one for none', async () => {
  const port = await startServer(testService('console'), true)
  const target = { 'grpc.ssl_target_name_override': 'console' }
  const nobody = new Client(`127.0.0.1:${port}`, createIdentityThatTrusts(testAuthority.bundle).joining(), target)
  expect((await ask(nobody)).code).toBe(status.UNAUTHENTICATED)
  const trust = testAuthority.bundle
  const foreign = createTestAuthority('foreign').identity({ service: 'users', instance: 'users-1' }, { trust })
  expect((await asking(port, foreign, 'console')).code).toBe(status.UNAUTHENTICATED)
  expect((await asking(port, testService('users'), 'console')).code).toBe(status.OK)
})

test('a new certificate and new authorities are used at once, and open connections stay', async () => {
  const next = createTestAuthority('next')
  const server = testAuthority.identity({ service: 'users', instance: 'users-1' })
  const caller = testAuthority.identity({ proxy: 'edge-1' })
  const port = await startServer(server)
  const kept = clientTo(`127.0.0.1:${port}`, 'users', caller)
  const both = testAuthority.bundle + next.bundle
  const issuer = async () => {
    const { certificateChain: cert, privateKey: key } = next.certificate({ proxy: 'look' })
    const socket: TLSSocket = connect({ host: '127.0.0.1', port, cert, key, rejectUnauthorized: false })
    await once(socket, 'secureConnect')
    const found = socket.getPeerCertificate().issuer.CN
    socket.destroy()
    return found
  }
  expect((await ask(kept)).code).toBe(status.OK)
  for (const identity of [server, caller]) identity.setTrust(both)
  expect(await issuer()).toBe('test')
  for (const [identity, peer] of [
    [server, { service: 'users', instance: 'users-1' }],
    [caller, { proxy: 'edge-1' }],
  ] as const) {
    const { certificateChain: chain, privateKey } = next.certificate(peer)
    identity.setCertificate({ chain, privateKey })
  }
  expect(await issuer()).toBe('next')
  expect((await asking(port, caller)).code).toBe(status.OK)
  for (const identity of [server, caller]) identity.setTrust(next.bundle)
  expect((await asking(port, caller)).code).toBe(status.OK)
  expect((await asking(port, testAuthority.identity({ proxy: 'late' }, { trust: both }))).code).toBe(status.UNAVAILABLE)
  expect((await ask(kept)).code).toBe(status.OK)
})

function createIdentityThatTrusts(bundle: string): Identity {
  const identity = createIdentity()
  identity.setTrust(bundle)
  return identity
}
