/** Statistics in a real browser: who is told of alerts and who is not, what is made on schedule, and what is brought from elsewhere. */
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { statistics as words } from '../console/web/src/i18n/en/statistics.ts'
import { en } from '../console/web/src/i18n/en.ts'
import { mesh } from './api.ts'
import { open, signIn, violationsOf } from './browser.ts'

/** What the webhook was sent, and what it answers with. */
const received: { signature: unknown; body: string }[] = []
let status = 204
const receiver = createServer(async (request, response) => {
  received.push({ signature: request.headers['webhook-signature'], body: await text(request) })
  response.writeHead(status).end()
})
let hook = ''
beforeAll(async () => {
  await new Promise<void>(resolve => receiver.listen(0, '127.0.0.1', resolve))
  hook = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/alerts`
})
afterAll(() => {
  receiver.closeAllConnections()
  receiver.close()
})

const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true })
const row = (page: Page, text: string) => page.getByRole('row').filter({ hasText: text })
const menuOf = (page: Page, title: string) => button(page, `${en.common.actions}: ${title}`)
const undo = (page: Page) => page.getByRole('alert').getByRole('button', { name: en.common.undo }).last().click()

test('a silence is made with its reason, is shown, ends, and is taken back', async () => {
  const reason = `planned work ${randomUUID().slice(0, 8)}`
  await open('/statistics?tab=alerts&part=silences', async (page, complaints) => {
    await signIn(page, mesh.admin)
    await button(page, words.silence.create).click()
    const drawer = page.getByRole('dialog', { name: words.silence.create })
    await drawer.getByLabel(words.filter.value).fill('nobody')
    const send = drawer.getByRole('button', { name: words.silence.create })
    expect(await send.isDisabled()).toBe(true)
    await drawer.getByLabel(words.silence.reason).fill(reason)
    expect(await violationsOf(page)).toEqual([])
    await send.click()
    await row(page, reason).getByText(words.silence.active).waitFor()
    expect(await row(page, reason).innerText()).toContain('service=nobody')
    const until = await row(page, reason).locator('time').getAttribute('datetime')
    expect(Math.abs(Date.parse(until ?? '') - Date.now() - 3_600_000)).toBeLessThan(60_000)

    await row(page, reason).getByRole('button', { name: words.silence.end }).click()
    await row(page, reason).getByText(words.silence.over).waitFor()
    await undo(page)
    await row(page, reason).getByText(words.silence.active).waitFor()
    await row(page, reason).getByRole('button', { name: words.silence.end }).click()
    await expect.poll(() => row(page, reason).getByText(words.silence.active).count()).toBe(0)
    expect(complaints).toEqual([])
  })
})

test('a webhook that may not be is refused at its field, one that may is tried out, and asks before it goes', async () => {
  const title = `hook ${randomUUID().slice(0, 8)}`
  await open('/statistics?tab=alerts&part=webhooks', async (page, complaints) => {
    await signIn(page, mesh.admin)
    await button(page, words.webhook.create).click()
    const drawer = page.getByRole('dialog', { name: words.webhook.create })
    await drawer.getByLabel(words.webhook.title).fill(title)
    const url = drawer.getByLabel(words.webhook.url)
    await url.fill('https://10.0.0.1/hook')
    await drawer.getByRole('button', { name: words.webhook.create }).click()
    await drawer.getByText(/10\.0\.0\.1 is not public/).waitFor()
    expect(await url.getAttribute('aria-invalid')).toBe('true')
    expect(await drawer.getByLabel(words.webhook.title).inputValue()).toBe(title)
    await url.fill(hook)
    await drawer.getByRole('button', { name: words.webhook.create }).click()
    await drawer.getByText(/^whsec_/).waitFor()
    await drawer.getByRole('button', { name: en.common.close, exact: true }).last().click()

    await row(page, title).getByRole('button', { name: words.webhook.test }).click()
    await row(page, title).getByText(words.webhook.delivered).waitFor()
    expect(received).toMatchObject([{ signature: expect.stringMatching(/^v1,/) }])
    status = 500
    await row(page, title).getByRole('button', { name: words.webhook.test }).click()
    await row(page, title).getByText(words.webhook.failed).waitFor()
    expect(await row(page, title).innerText()).toContain('HTTP 500')
    expect(await violationsOf(page)).toEqual([])

    await menuOf(page, title).click()
    await page.getByRole('menuitem', { name: words.webhook.delete }).click()
    const question = page.getByRole('dialog', { name: words.webhook.delete })
    const sure = question.getByRole('button', { name: words.webhook.delete })
    expect(await sure.isDisabled()).toBe(true)
    await question.getByRole('textbox').fill(title)
    await sure.click()
    await row(page, title).waitFor({ state: 'detached' })
    // The browser itself tells of the answer 400.
    expect(complaints.filter(each => !/\b400\b/.test(each))).toEqual([])
  })
})

test('a report is scheduled, listed with its next time, paused, and its schedule is deleted and taken back', async () => {
  await open(
    '/statistics?tab=reports&part=schedules',
    async (page, complaints) => {
      await signIn(page, mesh.admin)
      await button(page, words.report.createSchedule).click()
      const drawer = page.getByRole('dialog', { name: words.report.createSchedule })
      await drawer.getByRole('button', { name: words.report.createSchedule }).click()
      const schedule = row(page, words.report.frequency.weekly)
      await schedule.getByText('Platform').waitFor()
      const next = new Date((await schedule.locator('time').getAttribute('datetime')) ?? '')
      const days = (next.getTime() - Date.now()) / 86_400_000
      expect(days > 0 && days <= 7).toBe(true)
      expect(new Intl.DateTimeFormat('en-GB', { timeZone: 'Asia/Seoul', weekday: 'long' }).format(next)).toBe('Monday')
      await schedule.getByRole('button', { name: words.report.pause }).click()
      await schedule.getByText(words.alert.states.paused).waitFor()
      await schedule.getByRole('button', { name: words.report.delete }).click()
      await schedule.waitFor({ state: 'detached' })
      await undo(page)
      await schedule.getByText(words.alert.states.paused).waitFor()
      // By keyboard to the row, and to the dashboard that it is of.
      await page.keyboard.press('j')
      await page.keyboard.press('Enter')
      await page.getByRole('heading', { name: 'Platform' }).waitFor()
      await page.goBack()
      await schedule.getByRole('button', { name: words.report.delete }).click()
      await schedule.waitFor({ state: 'detached' })
      expect(complaints).toEqual([])
    },
    { timezoneId: 'Asia/Seoul' },
  )
})

test('a broken document is told by its places, nothing of it is lost, and once mended it is a dashboard', async () => {
  const title = `brought ${randomUUID().slice(0, 8)}`
  const panel = { id: 'a', title: 'A', position: { width: 6, height: 4 }, queries: [{ metric: 'requests' }] }
  const document = (kind: string) =>
    JSON.stringify({ format: 'site11.dashboard', version: 1, title, panels: [{ ...panel, kind }] }, undefined, 2)
  await open('/statistics?tab=dashboards', async (page, complaints) => {
    await signIn(page, mesh.admin)
    await button(page, words.dashboard.import).click()
    const drawer = page.getByRole('dialog', { name: words.dashboard.import })
    const send = drawer.getByRole('button', { name: words.dashboard.import, exact: true })
    const field = drawer.getByLabel(words.dashboard.document)
    await field.fill(document('PIE').slice(0, -1))
    await send.click()
    await drawer.getByText(words.dashboard.notJson.replace('{{why}}', '')).waitFor()

    const chosen = page.waitForEvent('filechooser')
    await drawer.getByRole('button', { name: words.dashboard.chooseFile }).click()
    const buffer = Buffer.from(document('PIE'))
    await (await chosen).setFiles({ name: 'broken.json', mimeType: 'application/json', buffer })
    await expect.poll(() => field.inputValue()).toBe(document('PIE'))
    await send.click()
    await drawer.getByText('panels[0].kind').waitFor()
    expect(await field.getAttribute('aria-invalid')).toBe('true')
    expect(await field.inputValue()).toBe(document('PIE'))
    expect(await violationsOf(page)).toEqual([])

    await field.fill(document('PANEL_KIND_LINE'))
    await send.click()
    await page.getByRole('heading', { name: title }).waitFor()
    await button(page, en.common.actions).click()
    await page.getByRole('menuitem', { name: words.dashboard.delete }).click()
    await button(page, words.dashboard.create).waitFor()
    await expect.poll(() => row(page, title).count()).toBe(0)
    expect(complaints.filter(each => !/\b400\b/.test(each))).toEqual([])
  })
})
