/** The service on a real MongoDB, for the tests of its methods. */
import { randomBytes } from 'node:crypto'
import { Metadata } from '@grpc/grpc-js'
import { User } from '@site11/proto/grpc/site11/users/v1/user.ts'
import { CreateUserRequest } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import type { Call } from '@site11/runtime/call.ts'
import type { Caller } from '@site11/runtime/caller.ts'
import { createLog } from '@site11/runtime/log.ts'
import { connectStore } from '@site11/runtime/store/connect.ts'
import { mongodForTests, type TestMongod } from '@site11/runtime/store/test-mongod.ts'
import { v7 as newId } from 'uuid'
import { expect } from 'vitest'
import { createLocalCounters } from './counters.ts'
import { createLinks, type LinkKind } from './links.ts'
import { createPasswords } from './passwords.ts'
import { usersService } from './service.ts'
import { createUserStore } from './store.ts'
import { createThrottle } from './throttle.ts'
import { createUserWatch } from './watch.ts'

export interface SentMail {
  kind: LinkKind
  to: string
  /** What the link carries. */
  token: string
}

export const consoleService: Caller = { kind: 'service', service: 'console' }

export const userCaller = (userId: string): Caller => ({
  kind: 'user',
  userId,
  sessionId: 'session',
  scopes: new Set(['profile']),
  expiresAt: new Date(8.64e15),
})

/** @returns what the server tells a handler about a call by `caller`. */
export function callBy(caller: Caller, signal = new AbortController().signal): Call {
  return {
    caller,
    traceId: '',
    trace: { traceId: '', spanId: '', sampled: false },
    metadata: new Metadata(),
    signal,
    deadlineMs: Number.POSITIVE_INFINITY,
    log,
    setHeader() {},
  }
}

const log = createLog('test', 'silent')
const secret = 'a secret for tests'
let lastAddress = 0

/** Starts the service on an empty database. The clock stands still until it is set. */
export async function startUsers(ownMongod?: TestMongod) {
  const mongod = ownMongod ?? (await mongodForTests())
  const url = new URL(mongod.url)
  url.pathname = `/users_${randomBytes(6).toString('hex')}`
  const store = connectStore({ url: url.href, appName: 'users-test' })
  const watching = connectStore({ url: url.href, appName: 'users-test-watch' })
  const leaving = new AbortController()
  const clock = { now: new Date() }
  const mails: SentMail[] = []
  const pending: Promise<unknown>[] = []
  const handlers = usersService({
    store: await createUserStore(store, secret, log, () => {}),
    watch: createUserWatch(watching, leaving.signal, () => clock.now),
    links: await createLinks(store.db, log),
    mail: {
      sendLink(kind, to, makeLink) {
        const sending = Promise.resolve(makeLink()).then(url => {
          if (url) mails.push({ kind, to: to.email, token: new URL(url).hash.replace('#token=', '') })
        })
        pending.push(sending)
      },
      close: async () => {},
    },
    passwords: createPasswords({ maxWaiting: 1000 }),
    throttle: createThrottle(createLocalCounters({ now: () => clock.now.getTime() })),
    publicUrl: 'http://localhost:8000',
    secret,
    log,
    now: () => clock.now,
    newId,
  })
  return {
    handlers,
    store,
    clock,
    leaving,
    /** @returns the mails sent up to now, once all are. */
    async mails() {
      await Promise.all(pending)
      return mails
    },
    /** Creates a user; the address is a new one unless it is given. */
    async create(
      fields: Partial<User> = {},
      rest: { password?: string; requestId?: string; validateOnly?: boolean } = {},
    ) {
      const user = User.fromPartial({ email: `user${++lastAddress}@example.com`, ...fields })
      const { user: created } = await handlers.createUser(
        CreateUserRequest.fromPartial({ user, ...rest }),
        callBy(consoleService),
      )
      if (!created) throw new Error('no user came back')
      return created
    },
    async stop() {
      await store.client.db().dropDatabase()
      await watching.close()
      await store.close()
      await mongod.stop()
    },
  }
}

export type TestUsers = Awaited<ReturnType<typeof startUsers>>

/** Matches a ServiceError by its reason. */
export const because = (reason: string, ...fields: string[]) => ({
  details: {
    reason,
    ...(fields.length > 0 && { violations: fields.map(field => ({ field, description: expect.any(String) })) }),
  },
})
