/**
 * The service that is called, in a process of its own. It answers at once until it is told how many workers it has: then each answer
 * takes one of them for a while, and what finds no place is refused with UNAVAILABLE, which costs something too.
 */
import { ServerCredentials } from '@grpc/grpc-js'
import { User } from '@site11/proto/grpc/site11/users/v1/user.ts'
import { UsersServiceService } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import type { Handlers } from '@site11/runtime/call.ts'
import { unavailable } from '@site11/runtime/errors.ts'
import { createIdentity } from '@site11/runtime/identity.ts'
import { createLog } from '@site11/runtime/log.ts'
import { addService, createServer, listen } from '@site11/runtime/server.ts'

/** What the bench says, and what it is told in return. */
export type Command =
  | { identity: { chain: string; privateKey: string; trust: string } }
  | { workers: number }
  | { count: true }
/** `port` is one without TLS. */
export type Report = { port: number; tlsPort: number } | { attempts: number }

/** All ms. */
const answerMs = 10
const refusalMs = 4
const places = 20

let workers = 0
let busy = 0
let debtMs = 0
let attempts = 0
const waiting: (() => void)[] = []

function work() {
  if (busy >= workers || (waiting.length === 0 && debtMs < refusalMs)) return
  busy++
  const refusals = debtMs >= answerMs || waiting.length === 0
  const done = refusals ? undefined : waiting.shift()
  if (refusals) debtMs = Math.max(0, debtMs - answerMs)
  setTimeout(() => {
    busy--
    done?.()
    work()
  }, answerMs)
}

const user = { user: User.fromPartial({ id: '0190b0b8-5f2c-7cc0-8f0a-2f9a4f6f9b11', email: 'somebody@example.com' }) }
const handlers = Object.fromEntries(
  Object.keys(UsersServiceService).map(name => [
    name,
    async () => {
      attempts++
      if (workers === 0) return user
      if (waiting.length >= places) {
        debtMs += refusalMs
        work()
        throw unavailable('It is full.')
      }
      await new Promise<void>(resolve => {
        waiting.push(resolve)
        work()
      })
      return user
    },
  ]),
) as unknown as Handlers<typeof UsersServiceService>

function start(credentials: ServerCredentials) {
  const server = createServer()
  addService(server, UsersServiceService, handlers, {
    authenticate: () => ({ kind: 'service', service: 'console' }),
    log: createLog('bench', 'error'),
  })
  return listen(server, '127.0.0.1:0', credentials)
}

const identity = createIdentity()
const tell = (report: Report) => process.send?.(report)
process.on('message', (command: Command) => {
  if ('identity' in command) {
    identity.setTrust(command.identity.trust)
    identity.setCertificate(command.identity)
  } else if ('workers' in command) {
    workers = command.workers
    for (let i = 0; i < workers; i++) work()
  } else tell({ attempts })
})
process.on('disconnect', () => process.exit())
tell({ port: await start(ServerCredentials.createInsecure()), tlsPort: await start(identity.server()) })
