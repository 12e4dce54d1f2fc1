/**
 * A steady stream of reads and writes over REST and gRPC, of which every single one is accounted for: by what it is, by when it was sent,
 * and by what became of it.
 */
import { randomUUID } from 'node:crypto'
import { Agent, request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js'
import { AuthServiceService } from '@site11/proto/grpc/site11/console/v1/auth_service.ts'
import {
  CreateUserRequest,
  GetUserRequest,
  UpdateUserRequest,
  UsersServiceService,
} from '@site11/proto/grpc/site11/users/v1/users_service.ts'

/**
 * `read`: GetUser. `inside`: GetMe of the Console, which asks Users. `write`: CreateUser with a request_id, so that it may be sent again.
 * `once`: UpdateUser, which may not.
 */
export const kinds = ['read', 'inside', 'write', 'once'] as const
export type Kind = (typeof kinds)[number]
type Protocol = 'REST' | 'gRPC'

export interface Sent {
  kind: Kind
  protocol: Protocol
  /** When it was due, from the start of the traffic, and how long it took from then. ms. */
  dueMs: number
  tookMs: number
  /** What the caller saw, such as `503 …` or `UNAVAILABLE …`; empty when it succeeded. */
  problem: string
}

export interface MixedAccount {
  all: readonly Sent[]
  of(kind: Kind): { sent: number; failures: Sent[] }
  /** Of what was due from one time to another, ms from the start, and of these kinds: how long the 99th of a hundred took, failures too. ms. */
  p99(fromMs: number, untilMs: number, of?: readonly Kind[]): number
}

export interface MixedTraffic {
  /** ms from the start. */
  now(): number
  /** Goes on for so long. */
  during(ms: number): Promise<void>
  /** Sends this token from now on. */
  use(token: string): void
  /** Sends no more, and waits for every answer. */
  end(): Promise<void>
  /** The same, and prints the account under this name. */
  stop(name: string): Promise<MixedAccount>
}

export interface MixedOptions {
  url: string
  token: string
  /** Read again and again, and changed. */
  userIds: string[]
  perSecond?: number
  /** What is sent in turn, over REST and over gRPC. */
  turns?: readonly Kind[]
}

const timeoutMs = 15_000
const slowMs = 2500
export const usual: readonly Kind[] = [
  'read',
  'inside',
  'write',
  'read',
  'read',
  'once',
  'read',
  'read',
  'write',
  'read',
]
/** The edge lets so many calls under way on one connection; those that wait for it to freeze are more. */
const connections = 8

/** Open loop: whoever answers slowly is asked all the same, and the time counts from when a request was due. */
export function startMixedTraffic({
  url,
  token: first,
  userIds,
  perSecond = 300,
  turns = usual,
}: MixedOptions): MixedTraffic {
  const { hostname, port, host } = new URL(url)
  const agent = new Agent({ keepAlive: true, maxSockets: 2000 })
  const clients = Array.from(
    { length: connections },
    () =>
      new Client(host, credentials.createInsecure(), {
        'grpc.enable_channelz': 0,
        'grpc.use_local_subchannel_pool': 1,
        'grpc.initial_reconnect_backoff_ms': 50,
        'grpc.max_reconnect_backoff_ms': 200,
      }),
  )
  let token = first
  const asIs = (bytes: Buffer) => bytes

  const overRest = (method: string, path: string, body?: object) =>
    new Promise<string>(resolve => {
      const payload = body && JSON.stringify(body)
      const headers = {
        authorization: `Bearer ${token}`,
        ...(payload && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
      }
      const sending = request({ hostname, port, path, method, headers, agent, timeout: timeoutMs }, response => {
        let text = ''
        response.setEncoding('utf8').on('data', chunk => {
          text += chunk
        })
        response.on('end', () => resolve(response.statusCode === 200 ? '' : `${response.statusCode} ${text}`))
        response.on('error', error => resolve(`cut: ${error.message}`))
      })
      sending.on('timeout', () => sending.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)))
      sending.on('error', error => resolve(`${(error as NodeJS.ErrnoException).code ?? ''} ${error.message}`))
      sending.end(payload)
    })
  const overGrpc = (path: string, message: Uint8Array, index: number) =>
    new Promise<string>(resolve => {
      const metadata = new Metadata()
      metadata.set('authorization', `Bearer ${token}`)
      const options = { deadline: Date.now() + timeoutMs }
      const client = clients[index % connections] as Client
      client.makeUnaryRequest(path, asIs, asIs, Buffer.from(message), metadata, options, (error: ServiceError | null) =>
        resolve(error ? error.message : ''),
      )
    })

  const { getUser, createUser, updateUser } = UsersServiceService
  function send(kind: Kind, protocol: Protocol, index: number): Promise<string> {
    const rest = protocol === 'REST'
    const id = userIds[index % userIds.length] ?? ''
    if (kind === 'read') {
      return rest
        ? overRest('GET', `/api/v1/users/${id}`)
        : overGrpc(getUser.path, GetUserRequest.encode({ id }).finish(), index)
    }
    if (kind === 'inside') {
      return rest
        ? overRest('GET', '/api/v1/auth/me')
        : overGrpc(AuthServiceService.getMe.path, new Uint8Array(), index)
    }
    const displayName = `Number ${index}`
    if (kind === 'write') {
      const user = { email: `${randomUUID()}@example.org`, displayName }
      const requestId = randomUUID()
      if (rest) return overRest('POST', '/api/v1/users', { user, requestId })
      const message = CreateUserRequest.encode(CreateUserRequest.fromPartial({ user, requestId }))
      return overGrpc(createUser.path, message.finish(), index)
    }
    if (rest) return overRest('PATCH', `/api/v1/users/${id}?updateMask=displayName`, { displayName })
    const change = UpdateUserRequest.fromPartial({ user: { id, displayName }, updateMask: ['display_name'] })
    return overGrpc(updateUser.path, UpdateUserRequest.encode(change).finish(), index)
  }

  const all: Sent[] = []
  const open = new Set<Promise<void>>()
  const began = performance.now()
  const now = () => performance.now() - began
  let sent = 0
  let stopped = false

  async function one(index: number) {
    const kind = turns[(index >> 1) % turns.length] ?? 'read'
    const protocol = index % 2 === 0 ? 'REST' : 'gRPC'
    const dueMs = (index * 1000) / perSecond
    const problem = await send(kind, protocol, index >> 1)
    all.push({ kind, protocol, dueMs, tookMs: now() - dueMs, problem })
  }

  const running = (async () => {
    while (!stopped) {
      for (const due = Math.floor((now() * perSecond) / 1000); sent < due && !stopped; sent++) {
        const answered = one(sent).finally(() => open.delete(answered))
        open.add(answered)
      }
      await delay(5)
    }
  })()

  async function end() {
    if (stopped) return
    stopped = true
    await running
    await Promise.all(open)
    agent.destroy()
    for (const client of clients) client.close()
  }

  return {
    now,
    end,
    during: ms => delay(ms),
    use(next) {
      token = next
    },
    async stop(name) {
      await end()
      const account: MixedAccount = {
        all,
        of(kind) {
          const own = all.filter(each => each.kind === kind)
          return { sent: own.length, failures: own.filter(({ problem }) => problem) }
        },
        p99: (fromMs, untilMs, of = kinds) =>
          quantile(
            timesOf(
              all.filter(({ kind }) => of.includes(kind)),
              fromMs,
              untilMs,
            ),
            0.99,
          ),
      }
      print(name, account)
      return account
    },
  }
}

const timesOf = (all: readonly Sent[], fromMs: number, untilMs: number) =>
  all.filter(({ dueMs }) => dueMs >= fromMs && dueMs < untilMs).map(({ tookMs }) => tookMs)

function quantile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return Math.round(sorted[Math.floor(sorted.length * share)] ?? 0)
}

function print(name: string, { all, of }: MixedAccount): void {
  const times = all.map(({ tookMs }) => tookMs)
  const counts = kinds.map(kind => `${of(kind).failures.length} of ${of(kind).sent} ${kind}`).join(', ')
  const [p50, p99, longest] = [0.5, 0.99, 0.99999].map(share => quantile(times, share))
  const seconds = Math.ceil((all.at(-1)?.dueMs ?? 0) / 1000)
  const each = Array.from({ length: seconds }, (_, s) => quantile(timesOf(all, s * 1000, (s + 1) * 1000), 0.99))
  console.log(
    `${name}: ${all.length} sent; failed: ${counts}; p50 ${p50} ms, p99 ${p99} ms, longest ${longest} ms\n  p99 of each second, ms: ${each.join(' ')}`,
  )
  const slow = all.filter(({ tookMs }) => tookMs > slowMs)
  const late = kinds.map(kind => `${slow.filter(each => each.kind === kind).length} ${kind}`).join(', ')
  if (slow.length > 0) console.log(`  longer than ${slowMs} ms: ${late}`)
  const problems = Map.groupBy(
    all.filter(({ problem }) => problem),
    ({ kind, protocol, problem }) => `${kind} over ${protocol}: ${problem.slice(0, 160)}`,
  )
  for (const [problem, list] of problems) {
    const from = Math.round(Math.min(...list.map(({ dueMs }) => dueMs)))
    const until = Math.round(Math.max(...list.map(({ dueMs }) => dueMs)))
    const took = Math.round(
      quantile(
        list.map(({ tookMs }) => tookMs),
        0.5,
      ),
    )
    console.log(`  ${list.length} x ${problem} (due ${from} to ${until} ms, took ${took} ms)`)
  }
}
