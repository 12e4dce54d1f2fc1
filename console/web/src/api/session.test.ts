import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createSessions, type Tokens } from './session.ts'

const fiveMinutes = 300_000
/** Stands for the Console: a cookie jar with one refresh token that works once; a replay ends the session. */
function createConsole() {
  const tab = { cookie: 1, valid: 1, alive: true, refreshes: 0, down: false }
  const tokens = (): Tokens => ({
    accessToken: `token-${tab.valid}`,
    expiresIn: fiveMinutes / 1000,
    scope: 'profile mesh:read',
    sessionId: 's1',
    userId: 'u1',
  })
  const refresh = async (): Promise<Tokens | undefined> => {
    tab.refreshes += 1
    const sent = tab.cookie
    if (tab.down) throw new Error('unreachable')
    if (sent !== tab.valid) tab.alive = false
    if (!tab.alive) return undefined
    tab.valid += 1
    await new Promise(resolve => setTimeout(resolve, 50))
    tab.cookie = tab.valid
    return tokens()
  }
  return Object.assign(tab, { refresh, tokens })
}

const marksOf = () => {
  const map = new Map<string, string>()
  return {
    getItem: (key: string) => map.get(key) ?? null,
    setItem: (key: string, value: string) => void map.set(key, value),
    removeItem: (key: string) => void map.delete(key),
  }
}

let server: ReturnType<typeof createConsole>
let marks: ReturnType<typeof marksOf>
const channels: BroadcastChannel[] = []
let channelName: string

/** A tab of the browser, with the real Web Locks and BroadcastChannel. */
function openTab() {
  const channel = new BroadcastChannel(channelName)
  channels.push(channel)
  return createSessions({ refresh: server.refresh, locks: navigator.locks, channel, marks })
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
  server = createConsole()
  marks = marksOf()
  channelName = crypto.randomUUID()
})

afterEach(() => {
  for (const channel of channels.splice(0)) channel.close()
  vi.useRealTimers()
})

/** Lets fake time pass in small steps while real events (locks, messages) are delivered. */
async function pass(ms: number) {
  for (let passed = 0; passed < ms; passed += 50) {
    await vi.advanceTimersByTimeAsync(Math.min(50, ms - passed))
    await new Promise(resolve => setImmediate(resolve))
  }
}

async function settled<T>(promise: Promise<T>): Promise<T> {
  let done = false
  promise.then(
    () => {
      done = true
    },
    () => {
      done = true
    },
  )
  while (!done) await pass(50)
  return promise
}

test('a page that loads signs in by the cookie', async () => {
  const session = await settled(openTab().ready())
  expect(session).toMatchObject({ accessToken: 'token-2', scopes: ['profile', 'mesh:read'], userId: 'u1' })
})

test('calls at the same time share one refresh', async () => {
  const tab = openTab()
  await settled(Promise.all(Array.from({ length: 20 }, () => tab.ready())))
  expect(server.refreshes).toBe(1)
})

test('many tabs that load at once never send one refresh token twice', async () => {
  const tabs = Array.from({ length: 8 }, openTab)
  const sessions = await settled(Promise.all(tabs.map(tab => tab.ready())))
  expect(server.alive).toBe(true)
  expect(sessions.every(session => session)).toBe(true)
})

test('one tab renews in time for all tabs', async () => {
  const tabs = [openTab(), openTab(), openTab()] as const
  await settled(tabs[0].ready())
  await pass(50)
  expect(server.refreshes).toBe(1)
  await pass(fiveMinutes - 30_000)
  expect(server.refreshes).toBe(2)
  expect(tabs.map(tab => tab.current()?.accessToken)).toEqual(['token-3', 'token-3', 'token-3'])
})

test('a token that a server refuses is renewed once, and not again for a late refusal', async () => {
  const tab = openTab()
  const first = await settled(tab.ready())
  const second = await settled(tab.ready(first?.accessToken))
  const late = await settled(tab.ready(first?.accessToken))
  expect([second?.accessToken, late?.accessToken]).toEqual(['token-3', 'token-3'])
})

test('a page closed in the middle of a refresh does not make the next one replay the token', async () => {
  // Its request goes on and sets the cookie later, but its lock is gone.
  marks.setItem('site11-refreshing', String(Date.now()))
  void server.refresh()
  const session = await settled(openTab().ready())
  expect(server.alive).toBe(true)
  expect(session?.accessToken).toBe('token-3')
})

test('a mark left long ago delays nothing', async () => {
  marks.setItem('site11-refreshing', String(Date.now() - 60_000))
  const started = Date.now()
  await settled(openTab().ready())
  expect(Date.now() - started).toBeLessThan(500)
})

test('when the Console cannot be reached the token is used until it expires', async () => {
  const tab = openTab()
  const first = await settled(tab.ready())
  server.down = true
  await pass(fiveMinutes - 5_000)
  expect((await settled(tab.ready()))?.accessToken).toBe(first?.accessToken)
  await pass(6_000)
  await expect(settled(tab.ready())).rejects.toThrow('unreachable')
})

test('an ended session ends in every tab', async () => {
  const [one, other] = [openTab(), openTab()]
  await settled(one.ready())
  await pass(50)
  const seen = vi.fn()
  other.subscribe(seen)
  server.alive = false
  expect(await settled(one.ready(one.current()?.accessToken))).toBeNull()
  await pass(50)
  expect(seen).toHaveBeenCalledOnce()
  expect(await other.ready()).toBeNull()
})

test('signing in and out is told to the other tabs', async () => {
  const [one, other] = [openTab(), openTab()]
  await settled(one.signIn(async () => server.tokens()))
  await pass(50)
  expect(other.current()?.userId).toBe('u1')
  await settled(one.signOut(async () => undefined))
  await pass(50)
  expect(other.current()).toBeUndefined()
  expect([one.hasEnded(), other.hasEnded()]).toEqual([false, false])
})

test('a session that ends by itself is told from one that was left, in every tab', async () => {
  const [one, other] = [openTab(), openTab()]
  await settled(one.ready())
  await pass(50)
  expect(other.hasEnded()).toBe(false)
  server.alive = false
  await settled(one.ready(one.current()?.accessToken))
  await pass(50)
  expect([one.hasEnded(), other.hasEnded()]).toEqual([true, true])
})

test('a sign-out that fails leaves the session as it was', async () => {
  const tab = openTab()
  await settled(tab.ready())
  await expect(settled(tab.signOut(() => Promise.reject(new Error('unreachable'))))).rejects.toThrow()
  expect(tab.current()?.userId).toBe('u1')
})
