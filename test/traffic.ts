/** A steady stream of reads, and writes that may be repeated, over REST and gRPC, of which every single one is accounted for. */
import { randomUUID } from 'node:crypto'
import { Agent, request as httpRequest } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js'
import { CreateUserRequest, GetUserRequest } from '@site11/proto/grpc/site11/users/v1/users_service.ts'

export interface Failure {
  protocol: 'REST' | 'gRPC'
  /** When it was sent, and after how long it failed. ms; the first as Date.now(). */
  sentMs: number
  tookMs: number
  /** What the caller saw, such as `503 …` or `UNAVAILABLE …`. */
  what: string
}

export interface Account {
  sent: number
  /** All that was sent is either among these or among the failures. */
  succeeded: number
  failures: Failure[]
  /** ms, of what succeeded. */
  p50: number
  p99: number
  longest: number
}

export interface Traffic {
  /** Waits until so many more were sent and answered. */
  more(count: number): Promise<void>
  /** Shows this token from now on. */
  use(token: string): void
  /** Sends no more, waits for every answer, and prints the account under this name. */
  stop(name: string): Promise<Account>
}

const timeoutMs = 10_000

/** Users to be made: each is made once, and asked for again and again under the same request id. */
const newUsers = 100
const writeEvery = 5

/**
 * Reads one user again and again, half over REST and half over gRPC, open loop: whoever answers slowly is asked all the same. With
 * `writes`, every fifth request makes a user, under a request id that is used again.
 */
export function startTraffic(
  { url, userId, token: first, writes = false }: { url: string; userId: string; token: string; writes?: boolean },
  perSecond = 300,
): Traffic {
  let token = first
  const { hostname, port, host } = new URL(url)
  const agent = new Agent({ keepAlive: true, maxSockets: 256 })
  const client = new Client(host, credentials.createInsecure(), {
    'grpc.enable_channelz': 0,
    'grpc.initial_reconnect_backoff_ms': 50,
    'grpc.max_reconnect_backoff_ms': 200,
  })
  const read = Buffer.from(GetUserRequest.encode(GetUserRequest.fromPartial({ id: userId })).finish())
  const made = Array.from({ length: newUsers }, () => ({
    user: { email: `${randomUUID()}@example.org` },
    requestId: randomUUID(),
  }))
  const bytes = (buffer: Buffer) => buffer

  const overRest = (user: (typeof made)[number] | undefined) =>
    new Promise<string>(resolve => {
      const headers = { authorization: `Bearer ${token}`, ...(user && { 'content-type': 'application/json' }) }
      const path = user ? '/api/v1/users' : `/api/v1/users/${userId}`
      const options = { hostname, port, path, method: user ? 'POST' : 'GET', headers, agent, timeout: timeoutMs }
      const sending = httpRequest(options, response => {
        let body = ''
        response.setEncoding('utf8').on('data', chunk => {
          body += chunk
        })
        response.on('end', () => resolve(response.statusCode === 200 ? '' : `${response.statusCode} ${body}`))
        response.on('error', error => resolve(`cut: ${error.message}`))
      })
      sending.on('timeout', () => sending.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)))
      sending.on('error', error => resolve(`${(error as NodeJS.ErrnoException).code ?? ''} ${error.message}`))
      sending.end(user && JSON.stringify(user))
    })
  const overGrpc = (user: (typeof made)[number] | undefined) =>
    new Promise<string>(resolve => {
      const options = { deadline: Date.now() + timeoutMs }
      const metadata = new Metadata()
      metadata.set('authorization', `Bearer ${token}`)
      const path = `/site11.users.v1.UsersService/${user ? 'CreateUser' : 'GetUser'}`
      const request = user ? Buffer.from(CreateUserRequest.encode(CreateUserRequest.fromPartial(user)).finish()) : read
      client.makeUnaryRequest(path, bytes, bytes, request, metadata, options, (error: ServiceError | null) =>
        resolve(error ? error.message : ''),
      )
    })

  let sent = 0
  let stopped = false
  const took: number[] = []
  const failures: Failure[] = []
  const open = new Set<Promise<void>>()

  async function one(number: number) {
    const protocol = number % 2 === 0 ? 'REST' : 'gRPC'
    const user = writes && number % writeEvery === 0 ? made[(number / writeEvery) % newUsers] : undefined
    const sentMs = Date.now()
    const began = performance.now()
    const what = await (protocol === 'REST' ? overRest(user) : overGrpc(user))
    const tookMs = performance.now() - began
    if (what) failures.push({ protocol, sentMs, tookMs: Math.round(tookMs), what })
    else took.push(tookMs)
  }

  const running = (async () => {
    const began = performance.now()
    while (!stopped) {
      const due = Math.floor(((performance.now() - began) * perSecond) / 1000)
      for (; sent < due && !stopped; sent++) {
        const answered = one(sent).finally(() => open.delete(answered))
        open.add(answered)
      }
      await delay(5)
    }
  })()

  const answered = () => took.length + failures.length
  return {
    async more(count) {
      const wanted = answered() + count
      while (answered() < wanted) await delay(20)
    },
    use(next) {
      token = next
    },
    async stop(name) {
      stopped = true
      await running
      await Promise.all(open)
      agent.destroy()
      client.close()
      took.sort((a, b) => a - b)
      const at = (share: number) => Math.round((took[Math.floor(took.length * share)] ?? 0) * 10) / 10
      const account = { sent, succeeded: took.length, failures, p50: at(0.5), p99: at(0.99), longest: at(0.99999) }
      const { p50, p99, longest } = account
      console.log(
        `${name}: ${sent} sent, ${took.length} succeeded, ${failures.length} failed; p50 ${p50} ms, p99 ${p99} ms, longest ${longest} ms`,
      )
      return account
    },
  }
}
