/** How large a request may be is for its contract to say: through a real Envoy to a real server of the runtime, and to that directly. */
import { create, fromBinary, getExtension, setExtension, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { ConnectError } from '@connectrpc/connect'
import { status } from '@grpc/grpc-js'
import { ErrorInfoSchema } from '@site11/proto/es/google/rpc/error_details_pb.ts'
import { method as policyOption } from '@site11/proto/es/site11/policy/v1/policy_pb.ts'
import { User } from '@site11/proto/grpc/site11/users/v1/user.ts'
import { CreateUserRequest } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import { registry } from '@site11/runtime/contract.ts'
import { ServiceError } from '@site11/runtime/errors.ts'
import { answerBytes } from '@site11/runtime/limits.ts'
import { clientOf, list, startInstance, type TestInstance, userNamed } from '@site11/runtime/test-service.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Edge, metadataOf, restOutcome, startEdge } from './edge-fixture.ts'
import { instance, usersContract } from './testbed.ts'

const mebibyte = 1024 * 1024
/** Above what grpc-js takes by itself. */
const limit = 6 * mebibyte

let edge: Edge
let users: TestInstance
const client = clientOf('limits')
beforeAll(async () => {
  // What services know of the contracts, and what the edge is told.
  const own = registry.getService('site11.users.v1.UsersService')?.methods.find(({ name }) => name === 'CreateUser')
  const set = fromBinary(FileDescriptorSetSchema, usersContract)
  const sent = set.file.flatMap(file => file.service).flatMap(service => service.method)
  for (const options of [own?.proto.options, sent.find(({ name }) => name === 'CreateUser')?.options]) {
    if (!options) throw new Error('CreateUser has no options.')
    setExtension(options, policyOption, { ...getExtension(options, policyOption), maxRequestBytes: limit })
  }
  users = await startInstance({
    createUser: async () => userNamed(''),
    getUser: async ({ id }) => ({ user: User.fromPartial({ displayName: 'x'.repeat(Number(id.slice(-8))) }) }),
  })
  list('limits', users)
  edge = await startEdge()
  const port = Number(users.address.split(':')[1])
  const contract = toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, set))
  await edge.publish({ services: [{ name: 'users', contract, instances: [instance('users-1', port)] }] })
})
afterAll(async () => {
  client.close()
  users?.stop()
  await edge?.stop()
})

/** A user whom the rules of the contract refuse, once the message has been taken: nobody has so long a name. */
const user = (bytes: number) => ({ email: 'a@example.com', displayName: 'x'.repeat(bytes) })

const doors: [string, (bytes: number) => Promise<{ code: number; reason: string }>][] = [
  [
    'REST',
    async bytes => {
      const body = JSON.stringify({ user: user(bytes) })
      const answer = await edge.rest('/api/v1/users', { method: 'POST', token: edge.reader, body })
      const { code, reason } = restOutcome(answer.json())
      return { code, reason }
    },
  ],
  [
    'gRPC',
    bytes =>
      new Promise(resolve => {
        const request = CreateUserRequest.fromPartial({ user: user(bytes) })
        edge.grpc.createUser(request, metadataOf(edge.reader), error => {
          const found = error && reasonIn(error.metadata.get('grpc-status-details-bin')[0])
          resolve({ code: error?.code ?? status.OK, reason: found ?? '' })
        })
      }),
  ],
  [
    'gRPC-Web',
    bytes =>
      edge
        .web(edge.reader)
        .createUser({ user: user(bytes) })
        .then(
          () => ({ code: 0, reason: '' }),
          (error: ConnectError) => ({
            code: error.code as number,
            reason: ConnectError.from(error).findDetails(ErrorInfoSchema)[0]?.reason ?? '',
          }),
        ),
  ],
  [
    'a client of services',
    bytes =>
      client.createUser(CreateUserRequest.fromPartial({ user: user(bytes) })).then(
        () => ({ code: 0, reason: '' }),
        (error: unknown) =>
          error instanceof ServiceError
            ? { code: error.code, reason: error.details.reason }
            : { code: -1, reason: String(error) },
      ),
  ],
]

const reasonIn = (details: unknown) => (String(details).includes('TOO_LARGE') ? 'TOO_LARGE' : 'INVALID_FIELD')

describe.each(doors)('over %s', (_, call) => {
  test('a request within the limit of its method is taken, and one above it refused with the reason', async () => {
    expect(await call(limit - 1000)).toEqual({ code: status.INVALID_ARGUMENT, reason: 'INVALID_FIELD' })
    expect(await call(limit + 1000)).toEqual({ code: status.RESOURCE_EXHAUSTED, reason: 'TOO_LARGE' })
    // Others go on as before.
    expect(await call(10_000)).toEqual({ code: status.INVALID_ARGUMENT, reason: 'INVALID_FIELD' })
  })
})

test('an answer may be as large for clients of services as it may at the edge, and one that is larger is an error that says so', async () => {
  const ask = (bytes: number) => client.getUser({ id: `00000000-0000-7000-8000-0000${String(bytes).padStart(8, '0')}` })
  expect((await ask(answerBytes - 1000)).user?.displayName).toHaveLength(answerBytes - 1000)
  await expect(ask(answerBytes + 1000)).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED })
})
