import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { UsersServiceService } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import { createClient } from '@site11/runtime/client.ts'
import { createLog } from '@site11/runtime/log.ts'
import { setPeers } from '@site11/runtime/peers.ts'
import { testService } from '@site11/runtime/test-identity.ts'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ensureAdmin } from './first-admin.ts'
import { startTestUsers, type TestUsers } from './test-users.ts'

const log = createLog('test', 'silent')
const users = createClient(UsersServiceService, 'users', () => 'token', testService('console'))
let home: string
let upstream: TestUsers
let ending: AbortController

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'site11-admin-'))
  upstream = await startTestUsers()
  ending = new AbortController()
})
afterEach(async () => {
  ending.abort()
  upstream.stop()
  await rm(home, { recursive: true })
})

const kept = async () => JSON.parse(await readFile(join(home, 'admin.json'), 'utf8'))
const keep = (content: string) => writeFile(join(home, 'admin.json'), content)

/** @returns what was told last, when it is that there is an admin or that something is wrong. */
function ensure(wanted: { email?: string; password?: string } = {}): Promise<string | undefined> {
  const { email, password } = wanted
  return new Promise(resolve => {
    void ensureAdmin({ users, home, email, password, log, signal: ending.signal }, problem => {
      if (problem === undefined || problem.includes('could not')) resolve(problem)
    })
  })
}

test('without wishes an admin with a generated password is made and kept for the owner only', async () => {
  expect(await ensure()).toBeUndefined()
  const { email, password } = await kept()
  expect(email).toBe('admin@site11.local')
  expect(password.length).toBeGreaterThanOrEqual(20)
  expect(upstream.accounts).toMatchObject([{ password, user: { email, roles: ['admin'] } }])
  expect((await stat(join(home, 'admin.json'))).mode & 0o777).toBe(0o600)
})

test('what the operator wishes is done', async () => {
  const wanted = { email: 'op@example.com', password: 'chosen password' }
  expect(await ensure(wanted)).toBeUndefined()
  expect(await kept()).toEqual(wanted)
  expect(upstream.accounts).toMatchObject([{ password: wanted.password, user: { email: wanted.email } }])
})

test('where there is an admin nothing is made or kept', async () => {
  upstream.add('old@example.com', 'old password', ['admin'])
  expect(await ensure({ email: 'op@example.com' })).toBeUndefined()
  expect(upstream.accounts).toHaveLength(1)
  await expect(kept()).rejects.toThrow()
})

test('a start that was cut short before the account was made uses the kept password', async () => {
  const account = { email: 'admin@site11.local', password: 'kept before' }
  await keep(JSON.stringify(account))
  expect(await ensure()).toBeUndefined()
  expect(await kept()).toEqual(account)
  expect(upstream.accounts).toMatchObject([{ password: account.password, user: { roles: ['admin'] } }])
})

test('a start that was cut short before the role was given goes on there', async () => {
  const account = { email: 'admin@site11.local', password: 'kept before' }
  await keep(JSON.stringify(account))
  upstream.add(account.email, account.password)
  expect(await ensure()).toBeUndefined()
  expect(upstream.accounts).toMatchObject([{ user: { roles: ['admin'] } }])
})

test('who registered the address before does not become admin', async () => {
  upstream.add('admin@site11.local', 'of somebody else')
  expect(await ensure()).toContain('SITE11_ADMIN_EMAIL')
  expect(upstream.accounts).toMatchObject([{ user: { roles: ['user'] } }])
})

test('another wished address replaces the one kept, with a password of its own', async () => {
  await keep(JSON.stringify({ email: 'admin@site11.local', password: 'kept before' }))
  expect(await ensure({ email: 'op@example.com' })).toBeUndefined()
  const { email, password } = await kept()
  expect(email).toBe('op@example.com')
  expect(password).not.toBe('kept before')
})

test.each(['', '{', '{"email":"a@b.c"}'])('a damaged file (%j) is named and not overwritten', async content => {
  await keep(content)
  expect(await ensure()).toContain('admin.json')
  expect(await readFile(join(home, 'admin.json'), 'utf8')).toBe(content)
  expect(upstream.accounts).toEqual([])
})

test('Users may come later', async () => {
  setPeers([])
  const made = ensure()
  await vi.waitFor(() => expect(upstream.calls).toEqual({}))
  setPeers([{ service: 'users', address: upstream.address }])
  expect(await made).toBeUndefined()
})
