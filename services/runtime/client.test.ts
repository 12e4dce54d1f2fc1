import { randomUUID } from 'node:crypto'
import { status } from '@grpc/grpc-js'
import { CallState } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import { CreateUserRequest, SetUserRolesRequest } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import { pino } from 'pino'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { failureRatio, minCalls, openMs, probes } from './breaker.ts'
import type { Call } from './call.ts'
import { notFound, type ServiceError, unavailable } from './errors.ts'
import { maxUnderway } from './invoke.ts'
import { failuresToEject } from './peer-health.ts'
import { callHealth, logBreakers } from './target.ts'
import { clientOf, list, startInstance, type TestInstance, userNamed } from './test-service.ts'

const id = randomUUID()
const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

let services = 0
type Started = Parameters<typeof startInstance>[0]

/** A service of its own, with an instance for each of the handlers, and a client of it. */
async function serviceOf(...handlers: Started[]) {
  const service = `service${++services}`
  const getSignInState = async () => ({ state: undefined })
  const instances = await Promise.all(handlers.map(each => startInstance({ getSignInState, ...each })))
  list(service, ...instances)
  const client = clientOf(service)
  closers.push(() => client.close(), ...instances.map(({ stop }) => stop))
  // Connected to all: until then, calls go to the one that is.
  await vi.waitUntil(async () => {
    await client.getSignInState({ id })
    return instances.every(({ calls }) => calls.length > 0)
  })
  for (const { calls } of instances) calls.length = 0
  const health = () => callHealth().find(each => each.service === service && each.method === '')
  return { service, instances: instances as [TestInstance, TestInstance], client, health }
}

/** Handlers of an instance whose answers tell whose they are. */
const good = (name = id): Started => ({
  getUser: async () => userNamed(name),
  createUser: async () => userNamed(name),
  setUserRoles: async () => userNamed(name),
})
const failing = (error: () => Error = () => unavailable('It is not well.')): Started => ({
  getUser: async () => Promise.reject(error()),
  createUser: async () => Promise.reject(error()),
  setUserRoles: async () => Promise.reject(error()),
})
/** Never answers, until it is given up. */
const hanging: Started = {
  getUser: (_request, { signal }) => new Promise((_, reject) => signal.addEventListener('abort', reject)),
}

const outcomeOf = (call: Promise<unknown>) =>
  call.then(
    () => 'OK',
    (error: ServiceError) => status[error.code],
  )
const times = (count: number, call: () => Promise<unknown>) =>
  Promise.all(Array.from({ length: count }, () => outcomeOf(call())))
const set = SetUserRolesRequest.fromPartial({ id })

describe('calls', () => {
  test('go to all instances in turn', async () => {
    const { client, instances } = await serviceOf(good(), good())
    for (let i = 0; i < 10; i++) await client.getUser({ id })
    expect(instances.map(({ calls }) => calls.length)).toEqual([5, 5])
  })

  test('do not go to an instance that is no longer listed, even if it was the last', async () => {
    const { client, service, instances } = await serviceOf(hanging)
    list(service)
    await vi.waitUntil(async () => (await outcomeOf(client.getUser({ id }, { timeoutMs: 50 }))) === 'UNAVAILABLE')
    list(service, ...instances)
  })

  test('carry deadline, trace and cancellation through two hops', async () => {
    const last = await serviceOf(hanging)
    const middle = await serviceOf({ getUser: (request, call) => last.client.getUser(request, { call }) })
    const giveUp = new AbortController()
    const traceId = 'abcdef0123456789abcdef0123456789'
    const deadlineMs = Date.now() + 2500
    const call = { traceId, deadlineMs, signal: giveUp.signal }
    const answer = outcomeOf(middle.client.getUser({ id }, { call }))
    await vi.waitUntil(() => last.instances[0].calls.length > 0)
    const [first, second] = [middle.instances[0].calls[0], last.instances[0].calls[0]] as [Call, Call]
    for (const each of [first, second]) {
      expect(each.traceId).toBe(traceId)
      // Time is sent as what is left, in whole ms: the contract's five seconds would be far off.
      expect(Math.abs(each.deadlineMs - deadlineMs)).toBeLessThan(500)
    }
    const gone = new Promise(resolve => second.signal.addEventListener('abort', resolve))
    giveUp.abort()
    expect(await answer).toBe('CANCELLED')
    await gone
  })

  test('end by the deadline of the call that they are made for', async () => {
    const { client, instances } = await serviceOf(hanging)
    const began = Date.now()
    const call = { traceId: '0'.repeat(32), deadlineMs: began + 200 }
    expect(await outcomeOf(client.getUser({ id }, { call }))).toBe('DEADLINE_EXCEEDED')
    expect(Date.now() - began).toBeLessThan(1000)
    expect(await outcomeOf(client.getUser({ id }, { call }))).toBe('DEADLINE_EXCEEDED')
    expect(instances[0].calls).toHaveLength(1)
  })

  test('have the answer of the other service, refusals with their details', async () => {
    const { client } = await serviceOf(failing(() => notFound('user', id)))
    const error = await client.getUser({ id }).catch((thrown: ServiceError) => thrown)
    expect(error).toMatchObject({ code: status.NOT_FOUND, details: { reason: 'NOT_FOUND', metadata: { name: id } } })
  })
})

describe('a retry', () => {
  test('of a read goes to another instance', async () => {
    const { client, instances } = await serviceOf(failing(), good())
    expect(await times(2 * failuresToEject, () => client.getUser({ id }))).toEqual(
      Array(2 * failuresToEject).fill('OK'),
    )
    expect(instances[0].calls.length).toBeGreaterThan(0)
    expect(instances[1].calls.length).toBe(2 * failuresToEject)
  })

  test('of a write is made only when it says which request it is', async () => {
    const { client, instances } = await serviceOf(failing())
    const create = (requestId: string) =>
      client.createUser(CreateUserRequest.fromPartial({ requestId, user: { email: 'a@example.com' } }))
    expect(await outcomeOf(create(''))).toBe('UNAVAILABLE')
    expect(instances[0].calls).toHaveLength(1)
    expect(await outcomeOf(create(randomUUID()))).toBe('UNAVAILABLE')
    expect(instances[0].calls.length).toBeGreaterThan(2)
    const before = instances[0].calls.length
    expect(await outcomeOf(client.setUserRoles(set))).toBe('UNAVAILABLE')
    expect(instances[0].calls.length).toBe(before + 1)
  })

  test('is not made of refusals, nor when the service says that one behind it has failed', async () => {
    const refusing = await serviceOf(failing(() => notFound('user', id)))
    await outcomeOf(refusing.client.getUser({ id }))
    expect(refusing.instances[0].calls).toHaveLength(1)
    const last = await serviceOf(failing())
    const middle = await serviceOf({ getUser: (request, call) => last.client.getUser(request, { call }) })
    const error = await middle.client.getUser({ id }).catch((thrown: ServiceError) => thrown)
    expect(error).toMatchObject({ code: status.UNAVAILABLE, details: { metadata: { service: last.service } } })
    expect(middle.instances[0].calls).toHaveLength(1)
    expect(last.instances[0].calls).toHaveLength(3)
  })

  test('of many fails within the budget', async () => {
    const { client, instances, health } = await serviceOf({
      // Every third fails: too few to open the breaker, too many to be tried again each time.
      getUser: async () => (Math.random() < 0.34 ? Promise.reject(unavailable('Too much.')) : userNamed(id)),
    })
    const count = 1000
    for (let done = 0; done < count; done += 20) await times(20, () => client.getUser({ id }))
    const retries = instances[0].calls.length - count
    expect(health()?.state).toBe(CallState.CALL_STATE_CLOSED)
    expect(retries).toBeGreaterThan(0.15 * count)
    expect(retries).toBeLessThan(0.25 * count)
  })
})

describe('an instance', () => {
  test('that fails again and again is passed over, and taken back when it works', async () => {
    let works = false
    const { client, instances, health } = await serviceOf(
      { setUserRoles: async () => (works ? userNamed(id) : Promise.reject(unavailable('no'))) },
      good(),
    )
    const [bad] = instances
    await vi.waitUntil(async () => {
      await outcomeOf(client.setUserRoles(set))
      return health()?.ejected.length === 1
    })
    expect(health()?.ejected).toEqual([bad.address])
    expect(bad.calls).toHaveLength(failuresToEject)
    expect(await times(10, () => client.setUserRoles(set))).toEqual(Array(10).fill('OK'))
    works = true
    await vi.waitUntil(
      async () => {
        await outcomeOf(client.setUserRoles(set))
        return health()?.ejected.length === 0
      },
      { timeout: 5000 },
    )
  })

  test('that hangs costs reads little of their time, and gets few of them', async () => {
    const { client, instances } = await serviceOf(hanging, good())
    for (let i = 0; i < 20; i++) {
      const began = Date.now()
      expect(await times(5, () => client.getUser({ id }, { timeoutMs: 400 }))).toEqual(Array(5).fill('OK'))
      expect(Date.now() - began).toBeLessThan(390)
    }
    expect(instances[0].calls.length).toBeLessThan(20)
  })

  test('that hangs is passed over, too, when those who wait for it give up', async () => {
    const silent = { setUserRoles: hanging.getUser } as Started
    const { client, instances, health } = await serviceOf(silent, good())
    const calls = (afterMs: number) =>
      times(2 * failuresToEject, () => client.setUserRoles(set, { signal: AbortSignal.timeout(afterMs) }))
    // Too soon to say anything of who has not answered yet.
    await calls(100)
    expect(health()?.ejected).toEqual([])
    await calls(1200)
    expect(health()?.ejected).toEqual([instances[0].address])
  })

  test('that has gone is passed over at once, and called again when it is back', async () => {
    const { client, instances, service } = await serviceOf(good(), good())
    const [first, second] = instances
    first.stop()
    expect(await times(20, () => client.getUser({ id }))).toEqual(Array(20).fill('OK'))
    const again = await startInstance(good(), Number(first.address.split(':')[1]))
    closers.push(again.stop)
    list(service, again, second)
    await vi.waitUntil(async () => {
      expect(await outcomeOf(client.getUser({ id }))).toBe('OK')
      return again.calls.length > 0
    })
  })
})

describe('the breaker', () => {
  /** Asks until a call is refused without being sent. @returns what callers got. */
  async function untilOpen({ client, instances }: Awaited<ReturnType<typeof serviceOf>>, timeoutMs: number) {
    const got: string[] = []
    await vi.waitUntil(
      async () => {
        const before = instances[0].calls.length
        got.push(await outcomeOf(client.setUserRoles(set, { timeoutMs })))
        return instances[0].calls.length === before
      },
      { timeout: 20_000, interval: 1 },
    )
    return got
  }

  test('opens on a service that fails, refuses at once, half-opens, opens again, and closes when it is well', async () => {
    let works = false
    const used = await serviceOf({
      setUserRoles: async () => (works ? userNamed(id) : Promise.reject(unavailable('It is not well.'))),
    })
    const { client, instances, health, service } = used
    const lines: { level: number; service: string }[] = []
    closers.push(logBreakers(pino({ level: 'info' }, { write: line => void lines.push(JSON.parse(line)) })))
    const got = await untilOpen(used, 1000)
    expect(got).toEqual(Array(got.length).fill('UNAVAILABLE'))
    expect(got.length - 1).toBeLessThanOrEqual(minCalls)
    expect(health()).toMatchObject({ state: CallState.CALL_STATE_OPEN, failures: got.length - 1 })

    const began = performance.now()
    const refused = await client.setUserRoles(set).catch((error: ServiceError) => error)
    expect(performance.now() - began).toBeLessThan(20)
    expect(refused).toMatchObject({
      code: status.UNAVAILABLE,
      details: { reason: 'DEPENDENCY_UNAVAILABLE', metadata: { service } },
    })
    const { retryAfterMs = 0 } = (refused as ServiceError).details
    expect(retryAfterMs).toBeGreaterThan(0)
    expect(retryAfterMs).toBeLessThanOrEqual(openMs)

    const sent = instances[0].calls.length
    await vi.waitUntil(
      async () => {
        await times(20, () => client.setUserRoles(set))
        return instances[0].calls.length > sent
      },
      { timeout: 2 * openMs },
    )
    // A few have tried it; as they failed, it is open again.
    expect(instances[0].calls.length).toBeLessThanOrEqual(sent + probes)
    expect(health()?.state).toBe(CallState.CALL_STATE_OPEN)

    works = true
    await vi.waitUntil(
      async () => {
        await outcomeOf(client.setUserRoles(set))
        return health()?.state === CallState.CALL_STATE_CLOSED
      },
      { timeout: 2 * openMs },
    )
    expect(await times(20, () => client.setUserRoles(set))).toEqual(Array(20).fill('OK'))
    // One line when it opened and one when it closed, whatever was tried between.
    expect(lines.filter(line => line.service === service).map(({ level }) => level)).toEqual([40, 30])
  })

  test('opens on a service that answers too late as on one that is dead, and closes within a moment of its return', async () => {
    let slowMs = 300
    const used = await serviceOf({
      setUserRoles: () => new Promise(resolve => setTimeout(() => resolve(userNamed(id)), slowMs)),
    })
    const { client, health } = used
    const got = await untilOpen(used, 60)
    expect(got.slice(0, -1)).toEqual(Array(got.length - 1).fill('DEADLINE_EXCEEDED'))
    expect(got.length - 1).toBeLessThanOrEqual(minCalls)
    expect(got.at(-1)).toBe('UNAVAILABLE')
    slowMs = 0
    const began = Date.now()
    await vi.waitUntil(
      async () => {
        await outcomeOf(client.setUserRoles(set, { timeoutMs: 60 }))
        return health()?.state === CallState.CALL_STATE_CLOSED
      },
      { timeout: 5000 },
    )
    expect(Date.now() - began).toBeLessThan(openMs + 500)
  })

  test('tries a service at once when an instance of it is back', async () => {
    const used = await serviceOf(good())
    const { client, instances, service } = used
    instances[0].stop()
    list(service)
    await vi.waitUntil(async () => {
      await outcomeOf(client.setUserRoles(set))
      return used.health()?.state === CallState.CALL_STATE_OPEN
    })
    const back = await startInstance(good())
    closers.push(back.stop)
    const began = Date.now()
    list(service, back)
    await vi.waitUntil(async () => (await outcomeOf(client.setUserRoles(set))) === 'OK')
    expect(Date.now() - began).toBeLessThan(openMs / 2)
  })

  test('does not open on refusals, nor on callers that have too little time or hang up', async () => {
    const refusing = await serviceOf(failing(() => notFound('user', id)))
    await times(50, () => refusing.client.getUser({ id }))
    expect(refusing.health()).toMatchObject({ state: CallState.CALL_STATE_CLOSED, failures: 0 })
    const slow = await serviceOf(hanging)
    const call = () => ({ traceId: '0'.repeat(32), deadlineMs: Date.now() + 30 })
    await times(30, () => slow.client.getUser({ id }, { call: call() }))
    await times(30, () => slow.client.getUser({ id }, { signal: AbortSignal.timeout(20) }))
    expect(slow.health()).toMatchObject({ state: CallState.CALL_STATE_CLOSED, failures: 0 })
  })

  test('holds back a method alone when others of the service work, and one whose own dependency fails', async () => {
    const last = await serviceOf(failing())
    const { client, service, health } = await serviceOf({
      ...good(),
      getUser: (request, call) => last.client.getUser(request, { call }),
    })
    const calls = Math.ceil(minCalls / failureRatio)
    for (let i = 0; i < calls; i++) {
      await outcomeOf(client.getUser({ id }))
      expect(await outcomeOf(client.setUserRoles(set))).toBe('OK')
    }
    expect(health()?.state).toBe(CallState.CALL_STATE_CLOSED)
    const error = await client.getUser({ id }).catch((thrown: ServiceError) => thrown)
    expect(error).toMatchObject({
      code: status.UNAVAILABLE,
      details: { metadata: { service, method: '/site11.users.v1.UsersService/GetUser' } },
    })
    expect(callHealth().filter(each => each.service === service && each.method !== '')).toMatchObject([
      { method: '/site11.users.v1.UsersService/GetUser', state: CallState.CALL_STATE_OPEN },
    ])
  })
})

test('no more calls than can be borne wait for one service', async () => {
  const { client, instances } = await serviceOf(hanging)
  const giveUp = new AbortController()
  const waiting = times(maxUnderway, () => client.getUser({ id }, { signal: giveUp.signal }))
  const error = await client.getUser({ id }).catch((thrown: ServiceError) => thrown)
  expect(error).toMatchObject({ code: status.RESOURCE_EXHAUSTED, details: { reason: 'OVERLOADED' } })
  await vi.waitUntil(() => instances[0].calls.length > 0)
  giveUp.abort()
  await waiting
  expect(await outcomeOf(client.getUser({ id }, { timeoutMs: 50 }))).toBe('DEADLINE_EXCEEDED')
})
