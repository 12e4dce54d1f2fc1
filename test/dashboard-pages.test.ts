/** What holds for every page of the dashboard, in a real browser on the real mesh. */
import type { Page } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import { en } from '../console/web/src/i18n/en.ts'
import { ko } from '../console/web/src/i18n/ko.ts'
import { mesh } from './api.ts'
import { open, signIn } from './browser.ts'

/** Each page with a method that it calls. */
const pages = [
  ['/', 'DiagnosticsService/WatchMesh'],
  ['/topology', 'DiagnosticsService/WatchMesh'],
  ['/services', 'DiagnosticsService/WatchMesh'],
  ['/services/users', 'RegistryService/GetTraffic'],
  ['/services/users/users-1', 'DiagnosticsService/ListSecrets'],
  ['/gateway', 'DiagnosticsService/ListRoutes'],
  ['/gateway?tab=trust', 'DiagnosticsService/ListSecrets'],
  ['/explorer?method=site11.users.v1.UsersService%2FListUsers', 'AuthService/GetMe'],
  ['/users', 'UsersService/ListUsers'],
  ['/users/new', 'UsersService/ListUsers'],
  ['/activity', 'DiagnosticsService/ListChanges'],
  ['/me', 'AuthService/ListSessions'],
] as const

async function show(page: Page, path: string) {
  await page.goto(`${mesh.url}${path}`)
  await page
    .getByRole('heading', { level: path === '/users/new' ? 2 : 1 })
    .first()
    .waitFor()
  await page.waitForFunction(() => document.querySelector('[aria-busy=true]') === null)
}

describe.each([
  ['English', en, 'en-GB'],
  ['Korean', ko, 'ko-KR'],
] as const)('in %s', (_, words, locale) => {
  test('no page is wider than a narrow screen', async () => {
    await open(
      '/',
      async (page, complaints) => {
        await signIn(page, mesh.admin, words)
        await page.getByRole('button', { name: words.nav.calls }).waitFor()
        for (const [path] of pages) {
          await show(page, path)
          const { scrollWidth, clientWidth } = await page.evaluate(() => document.documentElement)
          expect({ path, scrollWidth }).toEqual({ path, scrollWidth: clientWidth })
        }
        expect(complaints).toEqual([])
      },
      { locale, viewport: { width: 390, height: 844 }, reducedMotion: 'reduce' },
    )
  })
})

test('what a page has called can be copied on each of them, in a drawer too', async () => {
  await open(
    '/',
    async (page, complaints) => {
      await signIn(page, mesh.admin)
      await page.getByRole('button', { name: en.nav.calls }).waitFor()
      for (const [path, method] of pages) {
        await show(page, path)
        // A drawer has one of its own, over that of the page.
        await page.getByRole('button', { name: en.nav.calls }).last().click()
        const [service, name] = method.split('/')
        const entry = page.getByRole('listitem').filter({ hasText: method })
        for (const [kind, said] of [
          ['curl', `/api/v1/`],
          ['grpcurl', `site11.${service === 'UsersService' ? 'users' : 'console'}.v1.${method}`],
          ['TypeScript', `.${name?.replace(/^./, first => first.toLowerCase())}(`],
        ] as const) {
          const button = entry.getByRole('button', { name: `as ${kind}` }).first()
          if (await button.isDisabled()) continue
          await button.click()
          await expect
            .poll(() => page.evaluate(() => navigator.clipboard.readText()), { message: path })
            .toContain(said)
        }
      }
      expect(complaints).toEqual([])
    },
    { permissions: ['clipboard-read', 'clipboard-write'], reducedMotion: 'reduce' },
  )
})
