/** Instances of services for tests of clients: real servers whose handlers each test sets, listed as the registry would. */
import type { Server } from '@grpc/grpc-js'
import { User } from '@site11/proto/grpc/site11/users/v1/user.ts'
import { UsersServiceService } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import { pino } from 'pino'
import type { Call, Handlers } from './call.ts'
import { createClient } from './client.ts'
import { setPeersOf } from './peers.ts'
import { addService, createServer, listen } from './server.ts'
import { testService } from './test-identity.ts'

type UsersHandlers = Handlers<typeof UsersServiceService>

export interface TestInstance {
  address: string
  server: Server
  /** The calls that it has got. */
  calls: Call[]
  stop(): void
}

const caller = testService('console')

/** @returns a client of Users that finds it under another name. */
export const clientOf = (service: string) =>
  createClient(UsersServiceService, service, () => 'token', { channelTo: () => caller.channelTo('users') })

/** What GetUser answers with by default, so that an answer shows whose it is. */
export const userNamed = (id: string) => ({ user: User.fromPartial({ id }) })

/** Starts an instance. @param port 0 for any. @param handlers those that the test needs. */
export async function startInstance(handlers: Partial<UsersHandlers>, port = 0): Promise<TestInstance> {
  const calls: Call[] = []
  const all = Object.keys(UsersServiceService).map(name => {
    const handler = handlers[name as keyof UsersHandlers] as ((request: unknown, call: Call) => unknown) | undefined
    const counted = async (request: unknown, call: Call) => {
      calls.push(call)
      if (!handler) throw new Error(`The test sets no handler for ${name}.`)
      return await handler(request, call)
    }
    return [name, counted]
  })
  const server = createServer()
  addService(server, UsersServiceService, Object.fromEntries(all) as UsersHandlers, {
    authenticate: () => ({ kind: 'service', service: 'console' }),
    log: pino({ enabled: false }),
  })
  const bound = await listen(server, `127.0.0.1:${port}`, testService('users').server())
  return { address: `127.0.0.1:${bound}`, server, calls, stop: () => server.forceShutdown() }
}

/** Lists these instances as all of a service. */
export function list(service: string, ...instances: Pick<TestInstance, 'address'>[]): void {
  setPeersOf(
    service,
    instances.map(({ address }) => ({ service, address })),
  )
}
