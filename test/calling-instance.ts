/**
 * A service made up by a test that calls another one, as services do: by a client of the runtime, with an identity of the mesh and the
 * registry's word of where the other is. And that other one, whose answers the test chooses.
 */
import { UsersServiceService } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import { attach } from '@site11/runtime/attach.ts'
import type { Call, Handlers } from '@site11/runtime/call.ts'
import { type ClientOf, createClient } from '@site11/runtime/client.ts'
import { addHealth } from '@site11/runtime/health.ts'
import { createIdentity } from '@site11/runtime/identity.ts'
import { createLog } from '@site11/runtime/log.ts'
import { addService, createServer, listen } from '@site11/runtime/server.ts'
import { homeOf } from '../mesh/home.ts'
import { portsFrom } from '../mesh/ports.ts'
import { loadSecrets } from '../mesh/secrets.ts'
import { mesh } from './api.ts'
import { contractOf, type FakeInstance, startFake } from './fake-instance.ts'

const log = createLog('fake', 'silent')

export interface CallingInstance {
  client: ClientOf<typeof UsersServiceService>
  close(): void
}

/** @param target the service that it calls, with the methods of Users. */
export async function startCalling(service: string, target: string): Promise<CallingInstance> {
  const identity = createIdentity()
  const server = createServer()
  const health = addHealth(server, [], {}, { log })
  const home = homeOf(mesh.settings)
  const attachment = attach({
    console: `127.0.0.1:${portsFrom(String(mesh.port)).consoleGrpc}`,
    joinToken: loadSecrets(home.secrets, []).joinToken,
    identity,
    trustFile: home.trust,
    log,
    hello: {
      service,
      instance: `${service}-1`,
      version: '1.0.0',
      apiVersion: '1.0',
      address: `127.0.0.1:${await listen(server, '127.0.0.1:0', identity.server())}`,
      zone: '',
      startTime: new Date(),
      contract: contractOf(service, 1),
    },
    dependencies: () => [],
    onKeys: () => {},
  })
  const client = createClient(UsersServiceService, target, attachment.token, identity)
  return {
    client,
    close() {
      client.close()
      attachment.close()
      health.close()
      server.forceShutdown()
    },
  }
}

export interface AnsweringInstance extends FakeInstance {
  /** How many calls it has got. */
  calls(): number
  /** What GetUser does from now on. */
  answer(how: (call: Call) => Promise<{ user: undefined }>): void
}

/** An instance with the methods of Users under another name, open to whoever has a certificate. */
export async function startAnswering(service: string): Promise<AnsweringInstance> {
  let calls = 0
  let how: Parameters<AnsweringInstance['answer']>[0] = async () => ({ user: undefined })
  const handlers = Object.keys(UsersServiceService).map(name => [
    name,
    (_: unknown, call: Call) => {
      calls++
      return how(call)
    },
  ])
  const fake = await startFake(
    { service, instance: `${service}-1` },
    {
      add: server =>
        addService(server, UsersServiceService, Object.fromEntries(handlers) as Handlers<typeof UsersServiceService>, {
          authenticate: () => ({ kind: 'service', service: 'console' }),
          log,
        }),
    },
  )
  return {
    ...fake,
    calls: () => calls,
    answer(next) {
      how = next
    },
  }
}
