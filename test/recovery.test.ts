/** Each part of the mesh killed in turn, as hard as it goes: what others make of it, and that it comes back without them. */
import { setTimeout as delay } from 'node:timers/promises'
import type { User } from '@site11/proto/es/site11/users/v1/user_pb.ts'
import { ChangeType } from '@site11/proto/es/site11/users/v1/users_service_pb.ts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { portsFrom } from '../mesh/ports.ts'
import { admin, createUser, login, newEmail, register } from './accounts.ts'
import { apiOver, mesh } from './api.ts'
import { type Answer, send } from './http.ts'
import { livingOf, pidsOf, untilHealthy } from './processes.ts'
import { until } from './until.ts'

const ports = portsFrom(String(mesh.port))
/** The Console's own port: also answers when the edge does not. */
const consoleUrl = `http://127.0.0.1:${ports.consoleHttp}`

let user: User
let pids: Record<string, number>
beforeEach(async () => {
  await untilHealthy(mesh.url)
  user = await createUser({ displayName: 'Survivor' })
  pids = await pidsOf(mesh.settings)
})
afterEach(() => {
  signal('mesh', 'SIGCONT')
})

const signal = (name: string, kind: NodeJS.Signals) => process.kill(pids[name] ?? 0, kind)

/** Kills a process while its supervisor is held still, so that it stays away until `during` is over. */
async function without(victim: string, during: () => Promise<void>) {
  signal('mesh', 'SIGSTOP')
  try {
    signal(victim, 'SIGKILL')
    await during()
  } finally {
    signal('mesh', 'SIGCONT')
  }
}

const read = async (token?: string) => send(mesh.url, `/api/v1/users/${user.id}`, { token: token ?? (await admin()) })

/** Waits until /health says that not all is well and names the culprit. */
async function untilNamed(culprit: RegExp, url = mesh.url): Promise<void> {
  await until(`/health names ${culprit}`, async () => {
    const answer = await send(url, '/health')
    return answer.status === 503 && culprit.test(answer.text)
  })
}

/** @returns what the findings say of callers that hold calls back. */
async function heldBack(): Promise<string[]> {
  const { findings } = await apiOver('REST', admin).diagnostics.diagnose({})
  return findings.filter(({ code }) => code === 'BREAKER_OPEN').map(({ subject }) => subject)
}

/** Waits until all is well again, and proves that only the victim is another process than before. */
async function untilRecovered(victim: string) {
  await untilHealthy(mesh.url)
  await until('reads work again', async () => (await read()).status === 200)
  const now = await pidsOf(mesh.settings)
  expect(now[victim]).toBeDefined()
  expect(now[victim]).not.toBe(pids[victim])
  expect({ ...now, [victim]: 0 }).toEqual({ ...pids, [victim]: 0 })
  expect((await read()).json().user).toMatchObject({ id: user.id, displayName: 'Survivor' })
  await createUser()
  // The Console connects to a returned instance by itself, a moment after the proxies do.
  await until('registering works again', () => register().then(Boolean, () => false))
}

/** What a caller gets when the mesh cannot answer: JSON that says so, and that trying again is worth it. */
function expectUnavailable({ status, headers, json }: Answer) {
  expect(status).toBe(503)
  expect(headers['content-type']).toBe('application/json')
  expect(json()).toMatchObject({
    code: 14,
    details: expect.arrayContaining([expect.objectContaining({ reason: 'DEPENDENCY_UNAVAILABLE' })]),
  })
}

describe('killed and recovered:', () => {
  test('the Users service', async () => {
    await without('users-1', async () => {
      await untilNamed(/users-1/)
      expectUnavailable(await read())
      // Until so many of the last ones have failed that the Console calls Users no more for now: those that succeeded before count, too.
      await until('the breaker is named', async () => {
        const began = Date.now()
        expectUnavailable(await send(mesh.url, '/api/v1/auth/login', { method: 'POST', body: mesh.admin }))
        expect(Date.now() - began).toBeLessThan(1000)
        return (await heldBack()).includes('instances/console-1')
      })
    })
    await untilRecovered('users-1')
    await until('nothing is held back', async () => (await heldBack()).length === 0)
  })

  test('MongoDB', async () => {
    await without('mongod', async () => {
      await untilNamed(/mongodb/)
      expectUnavailable(await read())
    })
    await untilRecovered('mongod')
  })

  test('Redis, without which logins go on', async () => {
    await without('redis', async () => {
      await untilNamed(/redis/)
      expect((await read()).status).toBe(200)
      await login(mesh.admin)
    })
    await untilRecovered('redis')
  })

  test('Envoy', async () => {
    await without('envoy-1', async () => {
      await expect(read()).rejects.toThrow(/ECONNREFUSED|ECONNRESET|socket hang up/)
      await untilNamed(/proxy/i, consoleUrl)
    })
    await untilRecovered('envoy-1')
  })

  test('the Console, without which every request of others goes on', async () => {
    const token = await admin()
    const statuses: number[] = []
    await without('console', async () => {
      const began = Date.now()
      // Longer than any lease of the registry.
      while (Date.now() - began < 15_000) {
        statuses.push((await read(token)).status)
        await delay(100)
      }
      expect((await send(mesh.url, '/health')).status).toBe(503)
      expectUnavailable(await send(mesh.url, '/api/v1/instances', { token }))
    })
    // And while it comes back, loads its registry and publishes again.
    const back = untilRecovered('console')
    let done = false
    void back
      .catch(() => {})
      .then(() => {
        done = true
      })
    while (!done) {
      statuses.push((await read(token)).status)
      await delay(50)
    }
    await back
    expect(statuses.length).toBeGreaterThan(100)
    expect(statuses.filter(status => status !== 200)).toEqual([])
    expect((await read(token)).status).toBe(200)
  })
})

test('a frozen Users service is noticed, and taken back when it thaws', async () => {
  signal('users-1', 'SIGSTOP')
  try {
    await untilNamed(/users-1/)
    // Requests that were sent to it before have to wait until their time is over.
    await until('requests are refused at once', async () => (await read()).status === 503)
    expectUnavailable(await read())
  } finally {
    signal('users-1', 'SIGCONT')
  }
  await untilHealthy(mesh.url)
  await until('reads work again', async () => (await read()).status === 200)
  expect(livingOf([pids['users-1'] ?? 0])).toHaveLength(1)
})

test('a watch that was cut goes on where it was, and has missed nothing', async () => {
  const { users } = apiOver('gRPC', admin)
  const seen: string[] = []
  let resumeToken = ''
  const watching = new AbortController()
  const watch = async () => {
    while (!watching.signal.aborted) {
      try {
        for await (const change of users.watchUsers({ resumeToken }, { signal: watching.signal, timeoutMs: 0 })) {
          resumeToken = change.resumeToken
          seen.push(change.type === ChangeType.READY ? 'READY' : (change.user?.email ?? ''))
        }
      } catch {
        await delay(50)
      }
    }
  }
  const watched = watch()
  await until('the watch is ready', () => seen.includes('READY'))
  const emails: string[] = []
  const create = async () => {
    const email = newEmail()
    await until('a user is created', () => users.createUser({ user: { email } }))
    emails.push(email)
  }
  await create()
  signal('users-1', 'SIGKILL')
  await create()
  signal('mongod', 'SIGKILL')
  await create()
  await until('the watch has seen the last user', () => seen.includes(emails.at(-1) ?? ''))
  watching.abort()
  await watched
  expect(seen.filter(each => emails.includes(each))).toEqual(emails)
  await untilHealthy(mesh.url)
})
