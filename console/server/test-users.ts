/** Handlers and a gRPC server for tests that answer like Users, as far as the Console asks, and keep their users in memory. */
import { randomUUID } from 'node:crypto'
import { User } from '@site11/proto/grpc/site11/users/v1/user.ts'
import { type SignInState, UsersServiceService } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import type { Handlers } from '@site11/runtime/call.ts'
import { alreadyExists, notFound, permissionDenied, unauthenticated } from '@site11/runtime/errors.ts'
import { createLog } from '@site11/runtime/log.ts'
import { setPeers } from '@site11/runtime/peers.ts'
import { addService, createServer, listen } from '@site11/runtime/server.ts'
import { testService } from '@site11/runtime/test-identity.ts'

interface Account {
  user: User
  password: string
  passwordVersion: number
  maySignIn: boolean
}

export interface TestAccounts {
  accounts: Account[]
  add(email: string, password: string, roles?: string[]): Account
  /** How often each method was called. */
  calls: Record<string, number>
  handlers: UsersHandlers
}

export interface TestUsers extends TestAccounts {
  /** The address that it is reached at; peers of the process know it already. */
  address: string
  stop(): void
}

type UsersHandlers = Handlers<typeof UsersServiceService>
type Answered = 'createUser' | 'verifyPassword' | 'getSignInState' | 'changePassword' | 'listUsers' | 'setUserRoles'

export function createTestUsers(): TestAccounts {
  const accounts: Account[] = []
  const calls: Record<string, number> = {}
  const stateOf = ({ user, passwordVersion, maySignIn }: Account): SignInState => ({ user, passwordVersion, maySignIn })
  const byId = (id: string) => {
    const found = accounts.find(({ user }) => user.id === id)
    if (!found) throw notFound('user', id)
    return found
  }
  const add = (email: string, password: string, roles = ['user']) => {
    const user = User.fromPartial({ id: randomUUID(), email, roles, displayName: email })
    const account = { user, password, passwordVersion: 1, maySignIn: true }
    accounts.push(account)
    return account
  }
  const answers: Partial<{
    [N in Answered]: (request: Parameters<UsersHandlers[N]>[0]) => ReturnType<UsersHandlers[N]>
  }> = {
    async createUser({ user, password }) {
      const email = user?.email ?? ''
      if (accounts.some(account => account.user.email === email))
        throw alreadyExists('EMAIL_TAKEN', 'It is taken.', 'user.email')
      const made = add(email, password)
      made.user.displayName = user?.displayName ?? ''
      return { user: made.user }
    },
    async verifyPassword({ email, password }) {
      const found = accounts.find(account => account.user.email === email && account.password === password)
      if (!found) throw unauthenticated('BAD_CREDENTIALS', 'They do not match.')
      if (!found.maySignIn) throw permissionDenied('ACCOUNT_DISABLED', 'It is disabled.')
      return { state: stateOf(found) }
    },
    getSignInState: async ({ id }) => ({ state: stateOf(byId(id)) }),
    async changePassword({ id, currentPassword, newPassword }) {
      const found = byId(id)
      if (found.password !== currentPassword) throw unauthenticated('BAD_CREDENTIALS', 'They do not match.')
      found.password = newPassword
      found.passwordVersion++
      return { state: stateOf(found) }
    },
    listUsers: async () => ({
      users: accounts.map(({ user }) => user).filter(({ roles }) => roles.includes('admin')),
      nextPageToken: '',
    }),
    async setUserRoles({ id, roles }) {
      const { user } = byId(id)
      user.roles = roles
      return { user }
    },
  }
  const handlers = Object.fromEntries(
    Object.keys(UsersServiceService).map(name => {
      const answer = (answers as Record<string, ((request: never) => unknown) | undefined>)[name]
      const handler = (request: never) => {
        calls[name] = (calls[name] ?? 0) + 1
        if (!answer) throw new Error(`The Console is not expected to call ${name}.`)
        return answer(request)
      }
      return [name, handler]
    }),
  ) as unknown as UsersHandlers
  return { accounts, add, calls, handlers }
}

export async function startTestUsers(): Promise<TestUsers> {
  const users = createTestUsers()
  const server = createServer()
  const authenticate = () => ({ kind: 'service', service: 'console' }) as const
  addService(server, UsersServiceService, users.handlers, { authenticate, log: createLog('test', 'silent') })
  const address = `127.0.0.1:${await listen(server, '127.0.0.1:0', testService('users').server())}`
  setPeers([{ service: 'users', address }])
  return { ...users, address, stop: () => server.forceShutdown() }
}
