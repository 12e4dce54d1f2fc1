import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { reasonOf } from './errors.ts'

const pauseMs = 50
const attemptMs = 2000

/** Tries until it succeeds. When `signal` fires first, rejects with the reason of the last attempt. */
export async function until(attempt: () => Promise<void>, signal: AbortSignal): Promise<void> {
  let last = 'nothing was tried'
  while (!signal.aborted) {
    try {
      return await attempt()
    } catch (error) {
      last = reasonOf(error)
    }
    await delay(pauseMs, undefined, { signal }).catch(() => {})
  }
  throw new Error(last)
}

export type HttpAnswer = { status: number; body: string }

export const httpGet = (url: string) => askHttp('GET', url)
export const httpPost = (url: string) => askHttp('POST', url)

/**
 * HTTP/1.1 without a body. Node's own client, not fetch: that one would cost the supervisor 10 MB. Whose certificate it is does not
 * matter: only this machine is asked, by an address that no certificate is for.
 */
function askHttp(method: string, url: string): Promise<HttpAnswer> {
  const ask = url.startsWith('https:') ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    const options = { method, agent: false, timeout: attemptMs, rejectUnauthorized: false } as const
    const request = ask(url, options, response => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', chunk => {
        body += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
      response.on('error', reject)
    })
    request.on('timeout', () => request.destroy(new Error(`${url} did not answer within ${attemptMs / 1000} s`)))
    request.on('error', reject)
    request.end()
  })
}

export async function requireOk(url: string): Promise<void> {
  const { status } = await httpGet(url)
  if (status !== 200) throw new Error(`${url} answers ${status}`)
}

/** The part of the Console's /health that is read here. */
type Report = { services?: { instances?: { name?: string; status?: string }[] }[] }

/**
 * What the Console says of an instance at its /health: rejects unless it has found it to be healthy. One that an operator has drained
 * stays out of service, whoever restarts it: it is as ready as it will be.
 */
export async function requireListed(healthUrl: string, instance: string): Promise<void> {
  const status = await listedAs(healthUrl, instance)
  if (status !== 'healthy' && status !== 'draining') throw new Error(`the Console lists ${instance} as ${status}`)
}

/** @returns what the Console says of an instance, such as `healthy`; `unknown` when it does not list it. Rejects when it does not answer. */
export async function listedAs(healthUrl: string, instance: string): Promise<string> {
  const { body } = await httpGet(healthUrl)
  const report: Report = JSON.parse(body)
  const listed = report.services?.flatMap(service => service.instances ?? [])
  return listed?.find(({ name }) => name === instance)?.status ?? 'unknown'
}

/** Rejects unless something listens on a port of this machine. */
export function requireOpen(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    socket.setTimeout(attemptMs, () => socket.destroy(new Error(`port ${port} did not answer`)))
    socket.on('error', reject)
    socket.on('connect', () => {
      socket.destroy()
      resolve()
    })
  })
}

/** PING with the password: rejects while Redis is loading its data. */
export function requirePong(port: number, password: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let answer = ''
    socket.setTimeout(attemptMs, () => socket.destroy(new Error('Redis did not answer')))
    socket.on('error', reject)
    socket.on('data', data => {
      answer += data
      if (!answer.includes('+PONG') && !answer.includes('-')) return
      socket.end()
      if (answer.includes('+PONG')) resolve()
      else reject(new Error(`Redis answers ${answer.trim()}`))
    })
    socket.on('close', () => reject(new Error('Redis closed the connection')))
    socket.write(`AUTH ${password}\r\nPING\r\n`)
  })
}
