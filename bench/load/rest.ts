/** REST requests over kept-alive HTTP/1.1 connections. */
import { Agent, request } from 'node:http'
import type { Send } from './loops.ts'

export interface RestRequest {
  method: 'GET' | 'POST'
  path: string
  body?: string
}

/** @param base `http://host:port`. @param next makes the next request. A right answer has status 200 and a body. */
export function restSender(base: string, token: string, next: () => RestRequest): { send: Send; close(): void } {
  const { hostname, port } = new URL(base)
  const agent = new Agent({ keepAlive: true, maxSockets: 128, scheduling: 'fifo' })
  const authorization = `Bearer ${token}`
  const send: Send = () =>
    new Promise(resolve => {
      const { method, path, body } = next()
      const headers: Record<string, string | number> = { authorization, accept: 'application/json' }
      if (body !== undefined) {
        headers['content-type'] = 'application/json'
        headers['content-length'] = Buffer.byteLength(body)
      }
      const outgoing = request({ hostname, port, method, path, headers, agent }, response => {
        let bytes = 0
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length
        })
        response.on('end', () => {
          if (response.statusCode !== 200) resolve(`HTTP ${response.statusCode}`)
          else resolve(bytes > 0 ? undefined : 'empty body')
        })
        response.on('error', error => resolve(error.message))
      })
      outgoing.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
      outgoing.end(body)
    })
  return { send, close: () => agent.destroy() }
}
