/** What Envoy sends again, and whom it asks when one is silent, on a real Envoy. */
import { randomUUID } from 'node:crypto'
import { create, fromBinary, getExtension, setExtension, toBinary } from '@bufbuild/protobuf'
import { DurationSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { method as policyOption } from '@site11/proto/es/site11/policy/v1/policy_pb.ts'
import { CreateUserRequest } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Edge, metadataOf, startEdge } from './edge-fixture.ts'
import { instance, usersContract } from './testbed.ts'

let edge: Edge
beforeAll(async () => {
  edge = await startEdge()
})
afterAll(() => edge?.stop())

/** @returns the contract of Users, with half a second for each method. */
function hurried(): Uint8Array {
  const set = fromBinary(FileDescriptorSetSchema, usersContract)
  for (const { options } of set.file.flatMap(file => file.service).flatMap(service => service.method)) {
    if (!options) continue
    const policy = getExtension(options, policyOption)
    if (policy.timeout?.seconds)
      setExtension(options, policyOption, { ...policy, timeout: create(DurationSchema, { nanos: 500_000_000 }) })
  }
  return toBinary(FileDescriptorSetSchema, set)
}

/** @returns how often the service saw a write that it always refuses with UNAVAILABLE, over each protocol. */
async function attempts(fields: { requestId?: string; password?: string; validateOnly?: boolean }) {
  const user = { displayName: 'flaky', email: 'a@example.com', profile: { long: 'x'.repeat(40_000) } }
  const counted = async (call: () => Promise<unknown>) => {
    const before = edge.users.seen.length
    await call().catch(() => {})
    return edge.users.seen.length - before
  }
  const request = CreateUserRequest.fromPartial({ user, ...fields })
  const body = JSON.stringify({ user, ...fields })
  return [
    await counted(() => edge.rest('/api/v1/users', { method: 'POST', token: edge.reader, body })),
    await counted(
      () => new Promise<void>(ended => edge.grpc.createUser(request, metadataOf(edge.reader), () => ended())),
    ),
    await counted(() => edge.web(edge.reader).createUser({ user, ...fields })),
  ]
}

describe('a write that an instance may have handled', () => {
  it.each([
    ['alone', {}],
    ['behind other fields', { password: 'x'.repeat(200), validateOnly: true }],
  ])('is sent again when it carries a request_id, %s', async (_, fields) => {
    expect(await attempts({ ...fields, requestId: randomUUID() })).toEqual([3, 3, 3])
  })

  it('is not when it does not, whatever the caller says', async () => {
    expect(await attempts({})).toEqual([1, 1, 1])
    expect(await attempts({ requestId: '' })).toEqual([1, 1, 1])
    expect(await attempts({ password: randomUUID(), validateOnly: true })).toEqual([1, 1, 1])
    const before = edge.users.seen.length
    const headers = { 'x-envoy-retry-on': 'reset', 'x-envoy-retry-grpc-on': 'unavailable', 'x-envoy-max-retries': '5' }
    const body = '{"user":{"displayName":"flaky"}}'
    await edge.rest('/api/v1/users', { method: 'POST', token: edge.reader, body, headers })
    expect(edge.users.seen.length - before).toBe(1)
  })

  it('goes to another as well when an instance is silent, and it carries a request_id', async () => {
    const body = (fields: object) => JSON.stringify({ user: { displayName: 'slow' }, ...fields })
    const write = (fields: object) =>
      edge.rest('/api/v1/users', { method: 'POST', token: edge.reader, body: body(fields) })
    await edge.publish({
      services: [{ name: 'users', contract: hurried(), instances: [instance('users-1', edge.users.port)] }],
    })
    const before = edge.users.seen.length
    const answers = [
      await write({}),
      await write({ requestId: randomUUID() }),
      await edge.rest('/api/v1/users/slow', { token: edge.reader }),
    ]
    expect(answers.map(({ status }) => status)).toEqual([504, 504, 504])
    expect(edge.users.seen.length - before).toBe(1 + 3 + 3)
  })

  it('does not tell the service how', async () => {
    await attempts({ requestId: randomUUID() })
    const names = Object.keys(edge.users.seen.at(-1)?.getMap() ?? {})
    expect(names.filter(name => /^x-envoy-.*(retry|retries|timeout)/.test(name))).toEqual([])
  })
})
