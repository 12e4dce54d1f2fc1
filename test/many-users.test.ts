/** Many users and many callers at once. */
import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { admin, newEmail } from './accounts.ts'
import { apiOver, refusalOf, type TransportName, transports } from './api.ts'

const marker = `page-${randomUUID().slice(0, 8)}`
const total = 10_000
const { users } = apiOver('gRPC', admin)

/** Does `count` things, 64 at a time. */
async function concurrently(count: number, job: (n: number) => Promise<unknown>) {
  let next = 0
  const work = async () => {
    while (next < count) await job(next++)
  }
  await Promise.all(Array.from({ length: Math.min(64, count) }, work))
}

describe('ten thousand users', () => {
  const ids = new Set<string>()
  beforeAll(async () => {
    await concurrently(total, async n => {
      // Seven names for all: most of them are equal in the order by name.
      const { user } = await users.createUser({ user: { email: newEmail(), displayName: `${marker} ${n % 7}` } })
      ids.add(user?.id ?? '')
    })
  })

  test('were all made, each with an id of its own', () => {
    expect(ids.size).toBe(total)
  })

  const orders: [TransportName, string][] = [
    ['REST', ''],
    ['gRPC', 'display_name'],
    ['gRPC-Web', 'email desc'],
  ]
  test.each(orders)(
    'are paged over %s in the order "%s" without gap or repeat while others come and go',
    async (transport, orderBy) => {
      const seen: string[] = []
      let paging = true
      let churned = 0
      const churn = async () => {
        while (paging) {
          const { user } = await users.createUser({
            user: { email: newEmail(), displayName: `${marker} ${churned++ % 7}` },
          })
          await users.deleteUser({ id: user?.id ?? '' })
        }
      }
      const churning = Promise.all([churn(), churn()])
      try {
        let pageToken = ''
        do {
          const page = await apiOver(transport, admin).users.listUsers({
            pageSize: 400,
            pageToken,
            orderBy,
            filter: `display_name = "${marker}*"`,
          })
          seen.push(...page.users.map(({ id }) => id))
          pageToken = page.nextPageToken
        } while (pageToken)
      } finally {
        paging = false
        await churning
      }
      expect(churned).toBeGreaterThan(10)
      expect(new Set(seen).size).toBe(seen.length)
      expect(seen.filter(id => ids.has(id)).length).toBe(total)
    },
  )

  test('are found by search among them', async () => {
    const email = newEmail()
    const { user } = await users.createUser({ user: { email, displayName: '한국 나래' } })
    const found = await users.listUsers({ search: `ㅎㄱ ㄴㄹ ${email.slice(0, 13)}` })
    expect(found.users.map(({ id }) => id)).toEqual([user?.id])
  })
})

test.each(transports)('of 200 creations of one address at a time over %s one succeeds', async transport => {
  const api = apiOver(transport, admin)
  const email = newEmail()
  const attempts = Array.from({ length: 200 }, (_, n) =>
    api.users.createUser({ user: { email: n % 2 ? email : email.toUpperCase() } }),
  )
  const outcomes = await Promise.allSettled(attempts)
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  for (const attempt of attempts.filter((_, n) => outcomes[n]?.status === 'rejected')) {
    expect(await refusalOf(attempt)).toMatchObject({ code: 'AlreadyExists', reason: 'EMAIL_TAKEN' })
  }
  expect((await api.users.listUsers({ filter: `email = "${email}"`, showDeleted: true })).users).toHaveLength(1)
})

test('200 creations with one request id at a time make one user, and all are told of it', async () => {
  const request = { user: { email: newEmail() }, requestId: randomUUID() }
  const made = await Promise.all(Array.from({ length: 200 }, () => users.createUser(request)))
  expect(new Set(made.map(({ user }) => user?.id)).size).toBe(1)
})

test('of 50 changes under one etag one succeeds', async () => {
  const { user } = await users.createUser({ user: { email: newEmail() } })
  const { id = '', etag = '' } = user ?? {}
  const attempts = Array.from({ length: 50 }, (_, n) =>
    users.updateUser({ user: { id, etag, displayName: `writer ${n}` } }),
  )
  const outcomes = await Promise.allSettled(attempts)
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  for (const attempt of attempts.filter((_, n) => outcomes[n]?.status === 'rejected')) {
    expect(await refusalOf(attempt)).toMatchObject({ code: 'Aborted', reason: 'ETAG_MISMATCH' })
  }
})
