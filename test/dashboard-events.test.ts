/** Events in a real browser on the real mesh: what could not be handled is shown and mended by keyboard; what happens is followed. */
import { join } from 'node:path'
import { UserCreated, UserUpdated } from '@site11/proto/grpc/site11/users/v1/events.ts'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { en } from '../console/web/src/i18n/en.ts'
import { ko } from '../console/web/src/i18n/ko.ts'
import { portsFrom } from '../mesh/ports.ts'
import { loadSecrets } from '../mesh/secrets.ts'
import type { Event } from '../services/runtime/events/event.ts'
import { type Consumer, each, on, subscribe } from '../services/runtime/events/subscribe.ts'
import { createLog } from '../services/runtime/log.ts'
import { connectStore, type Store } from '../services/runtime/store/connect.ts'
import { admin, createUser, newEmail } from './accounts.ts'
import { apiOver, mesh } from './api.ts'
import { open, seen, signIn, violationsOf } from './browser.ts'
import { untilHealthy } from './processes.ts'
import { until } from './until.ts'

const group = 'clumsy'
const { events, users } = apiOver('REST', admin)
const ports = portsFrom(String(mesh.port))
const { redisPassword, mongo } = loadSecrets(join(mesh.home, 'secrets.json'), [])

let store: Store
let consumer: Consumer
/** What it cannot handle while it is broken: users of this language. */
const locale = 'eo'
const reason = 'Nobody here speaks Esperanto.'
let broken = true
const handled: string[] = []
beforeAll(async () => {
  await untilHealthy(mesh.url)
  store = connectStore({
    url: `mongodb://site11-admin:${mongo.adminPassword}@127.0.0.1:${ports.mongod}/clumsy_test?directConnection=true&authSource=admin`,
    appName: 'test',
  })
  const note = async (_: unknown, { subject, sequence }: Event) => void handled.push(`${subject} ${sequence}`)
  consumer = await subscribe({
    stream: 'users',
    group,
    store,
    redisUrl: `redis://:${redisPassword}@127.0.0.1:${ports.redis}`,
    instance: `${group}-1`,
    log: createLog('test', 'silent'),
    handler: each({
      'site11.users.v1.UserCreated': on(UserCreated, async (user, event) => {
        if (broken && user.locale === locale) throw new Error(reason)
        await note(user, event)
      }),
      'site11.users.v1.UserUpdated': on(UserUpdated, note),
    }),
    maxAttempts: 2,
    retryMs: 20,
  })
  await until('its group is there', async () => (await events.listStreams({})).streams.some(hasGroup))
})
afterAll(async () => {
  await consumer.close()
  if ((await events.listStreams({})).streams.some(hasGroup)) await events.deleteGroup({ stream: 'users', group })
  await store.db.dropDatabase()
  await store.close()
})

const hasGroup = ({ groups }: { groups: { group: string }[] }) => groups.some(each => each.group === group)
const letters = async () => (await events.listDeadLetters({ stream: 'users', group })).deadLetters
/** @returns the subject of a new user whose events wait: that of its creation cannot be handled. */
async function poisoned(): Promise<string> {
  const { user } = await users.createUser({ user: { email: newEmail(), locale } })
  const subject = `users/${user?.id}`
  const count = async () => (await letters()).filter(({ event }) => event?.subject === subject).length
  await until('it is a dead letter', async () => (await count()) === 1)
  await users.updateUser({ user: { id: user?.id ?? '', displayName: 'A' } })
  await until('what follows waits for it', async () => (await count()) === 2)
  return subject
}

const row = (page: Page, subject: string, type: string) =>
  page
    .getByRole('listitem')
    .filter({ hasText: subject.slice(-8) })
    .getByRole('link', { name: type })

test('an event that could not be handled is shown with why, and retried and skipped by keyboard', async () => {
  const [first, second] = [await poisoned(), await poisoned()]
  await open('/events', async (page, complaints) => {
    await signIn(page, mesh.admin)
    await page.getByRole('row').filter({ hasText: group }).getByText(en.events.stuck).waitFor()
    await page.getByRole('link', { name: group, exact: true }).focus()
    await page.keyboard.press('Enter')
    await row(page, first, 'UserCreated').waitFor()
    expect(new URL(page.url()).search).toBe(`?tab=dead&stream=users&group=${group}`)
    await page.keyboard.press('j')
    await page.keyboard.press('Enter')
    const drawer = page.getByRole('dialog')
    await drawer.getByText(reason).waitFor()
    await drawer.getByText('"eo"').waitFor()
    await drawer.getByRole('link', { name: first }).waitFor()
    // Trying again is what Enter does.
    const again = en.events.failedAgain.replace('{{reason}}', reason)
    await until('trying again has the focus', () =>
      page.evaluate(words => document.activeElement?.textContent === words, en.events.retry),
    )
    await page.keyboard.press('Enter')
    await drawer.getByText(again).waitFor()
    broken = false
    await page.keyboard.press('Enter')
    await drawer.waitFor({ state: 'detached' })
    await row(page, first, 'UserUpdated').waitFor({ state: 'detached' })
    expect(handled.filter(each => each.startsWith(first))).toEqual([`${first} 1`, `${first} 2`])

    await page.keyboard.press('j')
    await page.keyboard.press('Enter')
    await drawer.getByRole('link', { name: second }).waitFor()
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await drawer.getByText(en.events.skip.behind_one.replace('{{count}}', '1')).waitFor()
    const skip = drawer.getByRole('button', { name: en.events.skip.action })
    expect(await skip.isDisabled()).toBe(true)
    await page.keyboard.type('UserCreated')
    await page.keyboard.press('Enter')
    await drawer.waitFor({ state: 'detached' })
    await seen(page.getByText(en.events.noLetters.replace('{{group}}', group)))
    await until('what waited is handled', () => handled.includes(`${second} 2`))
    expect(handled).not.toContain(`${second} 1`)

    await page.goto(`${mesh.url}/events?stream=users&group=${group}&ask=replay`)
    const replay = drawer.getByRole('button', { name: en.events.replay.action })
    await replay.waitFor()
    await drawer.getByRole('radio', { name: en.events.replay.again }).check()
    expect(await replay.isDisabled()).toBe(true)
    await drawer.getByRole('radio', { name: en.events.replay.missed }).check()
    await replay.click()
    await drawer.waitFor({ state: 'detached' })
    expect(handled.filter(each => each.startsWith(first))).toHaveLength(2)
    expect(complaints).toEqual([])
  })
})

test.each(['light', 'dark'] as const)('what happens is followed live, in Korean and %s', async colorScheme => {
  await open(
    '/events?tab=feed',
    async (page, complaints) => {
      await signIn(page, mesh.admin, ko)
      await page.getByText(ko.mesh.live, { exact: true }).last().waitFor()
      const subject = `users/${(await createUser()).id}`
      await row(page, subject, 'UserCreated').waitFor()
      await page.getByPlaceholder(ko.events.subject).fill(subject)
      await page.waitForURL(url => url.searchParams.get('subject') === subject)
      await until('only its events are there', async () => (await page.getByRole('listitem').count()) === 1)
      expect(await violationsOf(page), 'feed').toEqual([])
      await page.getByRole('button', { name: ko.activity.pause }).click()
      await users.updateUser({ user: { id: subject.slice('users/'.length), displayName: 'A' } })
      await page.getByRole('button', { name: ko.events.waiting_other.replace('{{count}}', '1') }).click()
      await row(page, subject, 'UserUpdated').waitFor()
      await page.keyboard.press('j')
      await page.keyboard.press('Enter')
      const drawer = page.getByRole('dialog')
      await drawer.getByText(ko.events.payload).waitFor()
      await drawer.getByText('"display_name"').waitFor()
      expect(await violationsOf(page), 'event').toEqual([])
      await page.keyboard.press('Escape')
      await drawer.waitFor({ state: 'detached' })
      for (const search of ['', `?tab=dead&stream=users&group=${group}`]) {
        await page.goto(`${mesh.url}/events${search}`)
        await page
          .getByText(search ? group : ko.events.keepsUp)
          .first()
          .waitFor()
        expect(await violationsOf(page), search).toEqual([])
      }
      expect(complaints).toEqual([])
    },
    { locale: 'ko-KR', colorScheme, reducedMotion: 'reduce' },
  )
})
