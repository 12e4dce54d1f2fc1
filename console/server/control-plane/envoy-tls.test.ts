/** The public listener with TLS, on a real Envoy. */
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { Agent, request } from 'node:https'
import { connect, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { selfSigned } from './certificate-fixture.ts'
import { bearer, type Edge, startEdge } from './edge-fixture.ts'
import { listenerType, secretType } from './snapshot.ts'

describe.each([{ delta: false }, { delta: true }])(
  'the edge with TLS, Envoy asking for changes only: $delta',
  ({ delta }) => {
    let edge: Edge
    const agent = new Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false })
    beforeAll(async () => {
      edge = await startEdge({ delta }, { tls: selfSigned('first') })
    })
    afterAll(() => {
      agent.destroy()
      return edge?.stop()
    })

    const handshake = async (options: { ALPNProtocols?: string[]; maxVersion?: 'TLSv1.1' | 'TLSv1.2' } = {}) => {
      const socket = connect({
        host: '127.0.0.1',
        port: edge.envoy.edge,
        rejectUnauthorized: false,
        minVersion: 'TLSv1',
        ...options,
      })
      try {
        await once(socket, 'secureConnect')
        const { CN } = socket.getPeerCertificate().subject
        return { name: CN, protocol: socket.getProtocol(), alpn: socket.alpnProtocol }
      } finally {
        socket.destroy()
      }
    }
    /** Over one connection that is kept. */
    const kept = async () => {
      const url = `https://127.0.0.1:${edge.envoy.edge}/api/v1/users/u1`
      const sent = request(url, { agent, headers: bearer(edge.reader) }).end()
      const [response] = await once(sent, 'response')
      await once(response.resume(), 'end')
      const { CN } = (sent.socket as TLSSocket).getPeerCertificate().subject
      return { status: response.statusCode, reused: sent.reusedSocket, name: CN }
    }
    const versionOf = (type: string) =>
      edge
        .plane()
        .controlPlane.proxies()[0]
        ?.types.find(({ typeUrl }) => typeUrl === type)?.ackedVersion

    it('speaks TLS 1.2 and later, and HTTP/2 to who can', async () => {
      expect(await handshake({ ALPNProtocols: ['h2', 'http/1.1'] })).toEqual({
        name: 'first',
        protocol: 'TLSv1.3',
        alpn: 'h2',
      })
      expect(await handshake({ ALPNProtocols: ['http/1.1'], maxVersion: 'TLSv1.2' })).toMatchObject({
        protocol: 'TLSv1.2',
        alpn: 'http/1.1',
      })
      await expect(handshake({ maxVersion: 'TLSv1.1' })).rejects.toThrow()
      const session = connectHttp2(`https://127.0.0.1:${edge.envoy.edge}`, { rejectUnauthorized: false })
      const [headers] = await once(session.request({ ':path': '/dashboard' }).end(), 'response')
      session.destroy()
      expect(headers[':status']).toBe(200)
    })

    it('shows a new certificate to new connections, while open ones and the listener stay', async () => {
      expect(await kept()).toEqual({ status: 200, reused: false, name: 'first' })
      const before = { listener: versionOf(listenerType), secret: versionOf(secretType) }
      expect(await edge.publish({ tls: selfSigned('second') })).toMatchObject({ waiting: [] })
      expect(await handshake()).toMatchObject({ name: 'second' })
      expect(await kept()).toEqual({ status: 200, reused: true, name: 'first' })
      expect(versionOf(listenerType)).toBe(before.listener)
      expect(versionOf(secretType)).not.toBe(before.secret)
      expect(await edge.envoy.stat('listener_manager.listener_modified')).toBe(0)
    })

    it('keeps its certificate when the next one cannot be used, which is shown without the key', async () => {
      const broken = {
        certificateChain: selfSigned('third').certificateChain,
        privateKey: selfSigned('other').privateKey,
      }
      const { waiting } = await edge.publish({ tls: broken })
      expect(waiting).toEqual([{ nodeId: 'edge-1', reason: expect.stringMatching(/^refuses certificates \(edge\): /) }])
      expect(await handshake()).toMatchObject({ name: 'second' })
      expect(JSON.stringify(edge.plane().events)).not.toContain('PRIVATE KEY')
      expect(await edge.publish({ tls: selfSigned('fourth') })).toMatchObject({ waiting: [] })
      expect(await handshake()).toMatchObject({ name: 'fourth' })
    })
  },
)
