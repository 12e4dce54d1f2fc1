/** Statistics in a real browser: what the mesh measures of itself, looked at, built into dashboards, watched by rules, kept in reports. */
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { statistics as words } from '../console/web/src/i18n/en/statistics.ts'
import { en } from '../console/web/src/i18n/en.ts'
import { statistics as koreanWords } from '../console/web/src/i18n/ko/statistics.ts'
import { ko } from '../console/web/src/i18n/ko.ts'
import { admin, createUser, register } from './accounts.ts'
import { apiOver, mesh } from './api.ts'
import { open, seen, signIn, violationsOf } from './browser.ts'
import { until } from './until.ts'

const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true })
const row = (page: Page, text: string) => page.getByRole('row').filter({ hasText: text })
const chart = (page: Page, of: string) =>
  page.getByRole('slider', { name: words.chart.label.replace('{{what}}', of), exact: true })

/** The row's menu, then what it offers. */
async function act(page: Page, title: string, name: string) {
  await page.getByRole('button', { name: `${en.common.actions}: ${title}` }).click()
  await page.getByRole('menuitem', { name }).click()
}

test('the explorer shows the requests that were made, by group, and its address is the question', async () => {
  const user = await createUser()
  const { users } = apiOver('gRPC', admin)
  for (let n = 0; n < 25; n++) await users.getUser({ id: user.id })
  const search = new URLSearchParams({
    ...{ metric: 'requests', agg: 'sum', span: '15m', view: 'table', by: JSON.stringify(['method']) },
    filter: 'method = "/site11.users.v1.UsersService/GetUser"',
  })
  await open(`/statistics?${search}`, async (page, complaints) => {
    await signIn(page, mesh.admin)
    const counted = row(page, 'UsersService/GetUser').getByRole('cell').nth(1)
    await until('the requests are counted', async () => Number((await counted.innerText()).replaceAll(',', '')) >= 25)

    await page.getByText(words.view.line, { exact: true }).click()
    const figure = chart(page, 'requests')
    await figure.press('End')
    await figure.press('ArrowLeft')
    await expect.poll(() => figure.getAttribute('aria-valuetext')).toContain('GetUser')
    await figure.press('+')
    await button(page, words.range.back.replace('{{range}}', words.range['15m'])).click()
    await button(page, words.filter.remove.replace('{{what}}', 'method /site11.users.v1.UsersService/GetUser')).click()
    expect(new URL(page.url()).searchParams.has('filter')).toBe(false)
    expect(await violationsOf(page)).toEqual([])
    expect(complaints).toEqual([])
  })
})

test('a dashboard is built by keyboard, kept, and there again after a reload', async () => {
  const title = `대시보드 ${randomUUID().slice(0, 8)}`
  await open('/statistics?tab=dashboards&id=new&edit=true', async (page, complaints) => {
    await signIn(page, mesh.admin)
    await page.getByLabel(words.dashboard.title, { exact: true }).fill(title)
    for (const name of ['One', 'Two']) {
      await button(page, words.panel.add).click()
      const drawer = page.getByRole('dialog')
      await drawer.getByLabel(words.panel.title, { exact: true }).fill(name)
      await drawer.getByRole('button', { name: words.panel.add }).click()
      await page.getByRole('heading', { name }).waitFor()
    }
    await page
      .getByRole('button', { name: words.panel.move.replace('{{title}}', 'Two'), exact: true })
      .press('ArrowRight')
    await button(page, words.panel.remove.replace('{{title}}', 'One')).click()
    await button(page, en.common.undo).click()
    await page.getByRole('heading', { name: 'One' }).waitFor()

    // What is not saved is not lost by going elsewhere.
    await page.getByRole('link', { name: words.tabs.alerts }).click()
    await button(page, en.common.keepEditing).click()
    await button(page, en.common.save).click()
    await button(page, words.dashboard.edit).waitFor()
    await page.reload()
    await chart(page, 'Two').waitFor()
    expect(await violationsOf(page)).toEqual([])

    await page.goto(`${mesh.url}/statistics?tab=dashboards`)
    await act(page, title, words.dashboard.delete)
    await row(page, title).waitFor({ state: 'detached' })
    expect(complaints).toEqual([])
  })
})

test('a rule is written with its limit in sight, tried, kept and deleted', async () => {
  const title = `rule ${randomUUID().slice(0, 8)}`
  const search = new URLSearchParams({ tab: 'alerts', id: 'new', metric: 'requests', span: '15m' })
  await open(`/statistics?${search}`, async (page, complaints) => {
    await signIn(page, mesh.admin)
    await page.getByLabel(words.alert.title).fill(title)
    await page.getByLabel(words.alert.values.threshold, { exact: true }).fill('1000000')
    await chart(page, 'requests').waitFor()
    await button(page, words.alert.test).click()
    await seen(page.getByText(words.alert.holdsNot, { exact: true }).or(page.getByText(words.alert.findsNothing)))
    expect(await violationsOf(page)).toEqual([])
    await button(page, words.alert.create).click()
    await button(page, words.alert.edit).waitFor()
    await page.getByRole('navigation', { name: words.title }).getByRole('link', { name: words.tabs.alerts }).click()
    await row(page, title).getByText(words.alert.states.inactive).waitFor()
    await act(page, title, words.alert.delete)
    await row(page, title).waitFor({ state: 'detached' })
    expect(complaints).toEqual([])
  })
})

test('a report is asked for, made, and downloaded as it was made', async () => {
  await open('/statistics?tab=reports&id=new:platform', async (page, complaints) => {
    await signIn(page, mesh.admin)
    const drawer = page.getByRole('dialog')
    for (const format of ['HTML', 'PDF']) await drawer.getByLabel(format).uncheck()
    await drawer.getByRole('button', { name: words.report.create }).click()
    const made = page.getByRole('row').nth(1)
    await made.getByText(words.report.states.done).waitFor()
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      made.getByRole('button', { name: /CSV/ }).click(),
    ])
    expect(download.suggestedFilename()).toMatch(/\.csv$/)
    const text = await readFile(await download.path(), 'utf8')
    expect(text.split('\n').length).toBeGreaterThan(1)
    expect(await violationsOf(page)).toEqual([])
    await made.getByRole('button', { name: /^Delete/ }).click()
    expect(complaints).toEqual([])
  })
})

test.each([
  ['dark', 390],
  ['light', 1440],
] as const)('every page is Korean, %s and %d wide, without a barrier', async (colorScheme, width) => {
  const { tabs, title } = koreanWords
  await open(
    '/statistics',
    async (page, complaints) => {
      await signIn(page, mesh.admin, ko)
      for (const tab of Object.values(tabs)) {
        await page.getByRole('navigation', { name: title }).getByRole('link', { name: tab, exact: true }).click()
        await page.locator('main :is(table, ul, pre, p)').first().waitFor()
        await expect
          .poll(() => page.getByLabel(ko.common.loading, { exact: true }).count(), { timeout: 10_000 })
          .toBe(0)
        expect(await violationsOf(page), tab).toEqual([])
        expect(await page.evaluate(() => document.documentElement.scrollWidth), tab).toBeLessThanOrEqual(width)
      }
      expect(complaints).toEqual([])
    },
    { locale: 'ko-KR', colorScheme, viewport: { width, height: 900 } },
  )
})

test('who may not read statistics is told so, and is not led there', async () => {
  const someone = await register()
  await open('/statistics', async page => {
    await signIn(page, someone)
    await seen(page.getByRole('alert').getByText(en.problem.code.PERMISSION_DENIED.what))
    expect(await page.getByRole('link', { name: en.nav.statistics }).count()).toBe(0)
  })
})
