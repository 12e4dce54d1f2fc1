/** One attempt to tell a webhook: signed as https://www.standardwebhooks.com has it. */
import { createHmac } from 'node:crypto'
import { request as plain } from 'node:http'
import { request as secure } from 'node:https'
import { AddressRefused, addressesOf, hostProblem, type Networks } from './address.ts'

export interface Attempt {
  /** 0 when there was no answer. */
  httpStatus: number
  /** Empty when it was taken. */
  error: string
  durationMs: number
  /** Whether trying again could help. */
  isFinal: boolean
}

export interface Message {
  id: string
  url: string
  /** In base64. */
  secret: string
  body: string
}

const timeoutMs = 10_000

/** @returns the value of `webhook-signature`. */
export function signatureOf({ id, secret, body }: Omit<Message, 'url'>, timestampS: number): string {
  const key = Buffer.from(secret, 'base64')
  return `v1,${createHmac('sha256', key).update(`${id}.${timestampS}.${body}`).digest('base64')}`
}

/** Sends a message. Never rejects. Redirects are not followed, and of the answer only its status is looked at. */
export async function send(message: Message, networks: Networks, now: Date, ends: AbortSignal): Promise<Attempt> {
  const began = performance.now()
  const done = (httpStatus: number, error: string, isFinal = false): Attempt => ({
    ...{ httpStatus, error, isFinal },
    durationMs: Math.round(performance.now() - began),
  })
  try {
    const problem = hostProblem(message.url, networks)
    if (problem) throw new AddressRefused(problem)
    const httpStatus = await post(message, networks, now, ends)
    if (httpStatus >= 200 && httpStatus < 300) return done(httpStatus, '', true)
    return done(httpStatus, `It answered with the HTTP status ${httpStatus}.`, httpStatus === 410)
  } catch (error) {
    const reason = error instanceof Error ? error.message || error.name : String(error)
    return done(0, reason, error instanceof AddressRefused)
  }
}

function post(
  { id, url: text, secret, body }: Message,
  networks: Networks,
  now: Date,
  ends: AbortSignal,
): Promise<number> {
  const url = new URL(text)
  const timestampS = Math.floor(now.getTime() / 1000)
  const signal = AbortSignal.any([ends, AbortSignal.timeout(timeoutMs)])
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? secure : plain)(url, {
      method: 'POST',
      agent: false,
      signal,
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        'user-agent': 'site11-statistics',
        'webhook-id': id,
        'webhook-timestamp': String(timestampS),
        'webhook-signature': signatureOf({ id, secret, body }, timestampS),
      },
      // What is checked is what is connected to: a name cannot mean another address the second time.
      lookup(host, options, callback) {
        addressesOf(host, networks).then(
          addresses => {
            const [first] = addresses
            if (options.all) callback(null, addresses)
            else callback(null, first?.address ?? '', first?.family)
          },
          error => callback(error, ''),
        )
      },
    })
    request.on('response', response => {
      // Whatever it says is not read: it might be endless.
      response.destroy()
      resolve(response.statusCode ?? 0)
    })
    request.on('error', error =>
      reject(signal.aborted ? new Error(`It did not answer in time, which is ${timeoutMs / 1000} s.`) : error),
    )
    request.end(body)
  })
}
