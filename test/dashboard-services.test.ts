/** Overview, services and instances in a real browser on the real mesh: what happens to an instance is seen, and what is done reaches it. */
import type { Locator, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { en } from '../console/web/src/i18n/en.ts'
import { ko } from '../console/web/src/i18n/ko.ts'
import { admin } from './accounts.ts'
import { apiOver, mesh } from './api.ts'
import { open, seen, signIn, violationsOf } from './browser.ts'
import { meshCommand } from './cli.ts'
import { type FakeInstance, startFake } from './fake-instance.ts'
import { pidsOf, untilHealthy } from './processes.ts'
import { until } from './until.ts'

const { registry } = apiOver('gRPC', admin)
const { services } = en
/** How late a page may be at most with what happens to an instance. ms. */
const follows = 2_000

/** Fills a text of the pages as i18next does. */
const said = (text: string, values: Record<string, string | number>) =>
  text.replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) => String(values[name]))

async function scale(users: number) {
  const { code, stdout, stderr } = await meshCommand(['scale', `users=${users}`], mesh.settings)
  if (code !== 0) throw new Error(stdout + stderr)
  await untilHealthy(mesh.url)
}

async function pidOf(name: string): Promise<number> {
  const pid = (await pidsOf(mesh.settings))[name]
  return pid ?? expect.fail(`${name} does not run`)
}

const fakes: FakeInstance[] = []
async function fake(...options: Parameters<typeof startFake>) {
  const started = await startFake(...options)
  fakes.push(started)
  await started.welcome
}

/** @param key `users`, or `users/users-1`. */
const rowOf = (page: Page, key: string) => page.locator(`[role=row][data-key="${key}"]`)

/** @returns how long it took until the row said so, in ms. */
async function tells(row: Locator, words: string | RegExp, since: number): Promise<number> {
  await row.getByText(words).waitFor({ timeout: 10_000 })
  return Date.now() - since
}

beforeAll(() => scale(2))
afterAll(() => scale(1))
afterEach(async () => {
  for (const each of fakes.splice(0)) each.kill()
  await untilHealthy(mesh.url)
})

describe('the overview', () => {
  test('says in one sentence that all is well, shows every service, and what changed leads to its thing', async () => {
    await open('/', async (page, complaints) => {
      await signIn(page, mesh.admin)
      await page.getByRole('heading', { level: 1, name: /All \d services healthy/ }).waitFor()
      await seen(page.getByRole('link', { name: 'users', exact: true }))
      await seen(page.getByText('MongoDB'))
      const since = Date.now()
      await registry.drainInstance({ instance: 'users-2', reason: 'a new kernel' })
      await page.getByText('a new kernel').first().waitFor()
      expect(Date.now() - since).toBeLessThan(follows)
      await registry.resumeInstance({ instance: 'users-2' })
      await page.getByText(services.change.instance_resumed).first().waitFor()
      // What was done of the first steps is forgotten, and with the last one all of them.
      await page.getByRole('link', { name: en.overview.first.topology }).click()
      await page.waitForURL('**/topology')
      await page.goBack()
      await page.getByRole('heading', { name: en.overview.first.title }).waitFor()
      expect(await page.getByText(en.overview.first.topology).count()).toBe(0)
      await page.getByRole('button', { name: en.overview.first.forget }).click()
      await page.getByRole('heading', { name: en.overview.first.title }).waitFor({ state: 'detached' })
      await page.getByRole('link', { name: 'users', exact: true }).first().click()
      await page.waitForURL('**/services/users')
      expect(complaints).toEqual([])
    })
  })

  test('tells what is wrong, since when and why, in English and in Korean', async () => {
    const pid = await pidOf('users-2')
    for (const [words, locale] of [
      [en, 'en-GB'],
      [ko, 'ko-KR'],
    ] as const) {
      await open(
        '/',
        async page => {
          await signIn(page, mesh.admin, words)
          await page.getByRole('heading', { name: words.services.title, level: 2, exact: true }).waitFor()
          process.kill(pid, 'SIGSTOP')
          try {
            const heading = page.getByRole('heading', { level: 1 })
            await heading.filter({ hasText: words.mesh.reason.noAnswer }).waitFor({ timeout: 10_000 })
            expect(await heading.innerText()).toMatch(/users: .*\d.*:\d\d/)
            const finding = said(words.overview.finding.INSTANCE_UNREACHABLE.what, { name: 'users-2' })
            await page.getByText(finding).waitFor()
          } finally {
            process.kill(pid, 'SIGCONT')
          }
          await untilHealthy(mesh.url)
        },
        { locale },
      )
    }
  })
})

describe('the list of services', () => {
  test('is filtered, sorted and opened by keyboard, all of it in the address', async () => {
    await open('/services', async (page, complaints) => {
      await signIn(page, mesh.admin)
      await rowOf(page, 'users/users-1').waitFor()
      await page.keyboard.press('/')
      await page.keyboard.type('users')
      await rowOf(page, 'console').waitFor({ state: 'detached' })
      await page.keyboard.press('Enter')
      expect(await page.evaluate(() => document.activeElement?.getAttribute('data-key'))).toBe('users')
      await page.keyboard.press('ArrowLeft')
      // A filter opens what it has found; without it what was closed is closed.
      await page.goto(`${mesh.url}/services?order=state&desc=true&open=%5B%22users%22%5D`)
      await rowOf(page, 'users/users-2').waitFor()
      expect(await page.getByRole('columnheader', { name: services.column.state }).getAttribute('aria-sort')).toBe(
        'ascending',
      )
      expect(await rowOf(page, 'console/console-1').count()).toBe(0)
      await rowOf(page, 'users').focus()
      await page.keyboard.press('j')
      await page.keyboard.press('Enter')
      const drawer = page.getByRole('dialog')
      await drawer.getByRole('heading', { name: 'users-1' }).waitFor()
      // The drawer has an address of its own.
      expect(new URL(page.url()).pathname).toBe('/services/users/users-1')
      await page.keyboard.press('Escape')
      await drawer.waitFor({ state: 'detached' })
      expect(new URL(page.url()).searchParams.get('order')).toBe('state')
      await until('the focus is back', () =>
        page.evaluate(() => document.activeElement?.getAttribute('data-key') === 'users/users-1'),
      )
      await page.keyboard.press('Enter')
      await drawer.getByRole('heading', { name: 'users-1' }).waitFor()
      // Reloaded, it is a page.
      await page.reload()
      await page.getByRole('heading', { name: 'users-1', level: 1 }).waitFor()
      expect(await page.getByRole('dialog').count()).toBe(0)
      expect(complaints).toEqual([])
    })
  })

  test('follows an instance that is killed, and its return', async () => {
    await open('/services?open=%5B%22users%22%5D', async page => {
      await signIn(page, mesh.admin)
      const row = rowOf(page, 'users/users-2')
      await row.getByText(en.state.healthy).waitFor()
      const pid = await pidOf('users-2')
      const since = Date.now()
      process.kill(pid, 'SIGKILL')
      const took = await tells(
        row,
        new RegExp(`^(${en.state.failing}|${en.state.unknown}|${en.state.starting})$`),
        since,
      )
      console.log(`killed: seen after ${took} ms`)
      expect(took).toBeLessThan(follows)
      await row.getByText(en.state.healthy).waitFor({ timeout: 30_000 })
    })
  })

  test('is gray and says since when while the Console is frozen, and goes on by itself', async () => {
    await open('/services', async page => {
      await signIn(page, mesh.admin)
      await rowOf(page, 'users/users-1').waitFor()
      const pid = await pidOf('console')
      process.kill(pid, 'SIGSTOP')
      try {
        await seen(page.getByText(/^Not live: last seen/))
        // What was known stays.
        expect(await rowOf(page, 'users/users-1').isVisible()).toBe(true)
      } finally {
        process.kill(pid, 'SIGCONT')
      }
      await page
        .getByText(/^Not live: last seen/)
        .first()
        .waitFor({ state: 'detached', timeout: 20_000 })
      await seen(page.getByText(en.mesh.live, { exact: true }))
    })
  })

  test('goes on by itself when the Console was killed', async () => {
    await open('/services', async page => {
      await signIn(page, mesh.admin)
      await rowOf(page, 'users/users-1').waitFor()
      process.kill(await pidOf('console'), 'SIGKILL')
      await seen(page.getByText(/^Not live: last seen/))
      await page
        .getByText(/^Not live: last seen/)
        .first()
        .waitFor({ state: 'detached', timeout: 30_000 })
      await rowOf(page, 'users/users-1').getByText(en.state.healthy).waitFor()
    })
  })
})

describe('an instance', () => {
  test('is drained until every proxy has taken it, with a way back', async () => {
    await open('/services?open=%5B%22users%22%5D', async (page, complaints) => {
      await signIn(page, mesh.admin)
      const row = rowOf(page, 'users/users-2')
      await row.getByRole('link', { name: 'users-2' }).click()
      const drawer = page.getByRole('dialog')
      await drawer.getByRole('button', { name: 'Drain users-2' }).click()
      await drawer.getByText(said(services.doing.done_one, {})).waitFor()
      const { waiting } = await apiOver('gRPC', admin).diagnostics.waitForAcks({})
      expect(waiting).toEqual([])
      // Each says what it believes: the registry, who has drained it, and the proxy, which sends nothing new.
      await drawer.getByText(services.says.drained, { exact: true }).waitFor()
      await drawer.getByText(services.says.drains, { exact: true }).waitFor()
      await drawer.getByText(services.agree).waitFor()
      expect(await row.getByText(en.state.draining).count()).toBe(1)
      await page.getByRole('button', { name: en.common.undo }).click()
      await drawer.getByRole('button', { name: 'Drain users-2' }).waitFor()
      await drawer.getByText(services.says.sends, { exact: true }).waitFor()
      await drawer.getByRole('tab', { name: services.tab.journal }).click()
      const [newest] = await drawer.getByRole('listitem').all()
      await newest?.getByText(services.change.instance_resumed).waitFor()
      expect(complaints).toEqual([])
    })
  })

  test('is restarted, and its log and its settings are there', async () => {
    await open('/services/users/users-2?tab=logs', async (page, complaints) => {
      await signIn(page, mesh.admin)
      const log = page.getByRole('log')
      await log.getByText('serving').first().waitFor()
      await page.getByLabel(services.log.search).fill('nothing like it')
      await page.getByText(services.log.noneFound).waitFor()
      await page.getByLabel(services.log.search).fill('')
      await log.getByText('serving').first().waitFor()
      await page.getByRole('button', { name: services.log.pause }).click()
      const before = await log.innerText()
      const pid = await pidOf('users-2')
      await page.getByRole('button', { name: 'Restart users-2' }).click()
      // What is being read does not move; what came meanwhile is counted.
      await page.getByText(/^Paused. \d+ new lines/).waitFor({ timeout: 30_000 })
      expect(await log.innerText()).toBe(before)
      await page.getByText(said(services.doing.done_one, {})).waitFor({ timeout: 30_000 })
      expect(await pidOf('users-2')).not.toBe(pid)
      await page.getByRole('button', { name: services.log.resume }).click()
      await page.getByRole('tab', { name: services.tab.settings }).click()
      const settings = page.getByRole('table', { name: services.tab.settings })
      await settings.getByText('SITE11_INSTANCE', { exact: true }).waitFor()
      await settings.getByText(services.setting.secret).first().waitFor()
      expect(complaints).toEqual([])
    })
  })

  test('is removed only by its name', async () => {
    await fake({ service: 'widgets', instance: 'widgets-1' })
    await open('/services/widgets/widgets-1', async (page, complaints) => {
      await signIn(page, mesh.admin)
      await page.getByRole('button', { name: 'Remove widgets-1' }).click()
      const dialog = page.getByRole('dialog')
      const confirm = dialog.getByRole('button', { name: 'Remove widgets-1' })
      expect(await confirm.isDisabled()).toBe(true)
      await dialog.getByRole('textbox').fill('widgets-1')
      await page.keyboard.press('Enter')
      await page.waitForURL('**/services/widgets')
      await until('the registry has it no more', async () =>
        registry.listInstances({ service: 'widgets' }).then(({ instances }) => instances.length === 0),
      )
      expect(complaints).toEqual([])
    })
    await registry.removeService({ service: 'widgets' })
  })
})

describe('a service', () => {
  test('spreads requests by weights that are seen beforehand', async () => {
    await fake({ service: 'widgets', instance: 'widgets-1', version: '1.0.0' })
    await fake({ service: 'widgets', instance: 'widgets-2', version: '2.0.0' })
    await until('both serve', async () =>
      registry
        .getTraffic({ service: 'widgets' })
        .then(({ versions }) => versions.every(({ serving }) => serving === 1)),
    )
    await open('/services/widgets', async (page, complaints) => {
      await signIn(page, mesh.admin)
      await page.getByRole('button', { name: services.traffic.edit }).click()
      const weight = page.getByRole('textbox', { name: said(services.traffic.weightOf, { version: '2.0.0' }) })
      await weight.fill('10')
      // Of two versions the other one takes the rest.
      await page
        .getByRole('row', { name: /1\.0\.0/ })
        .filter({ hasText: '50% → 90%' })
        .waitFor()
      await page.getByRole('button', { name: said(services.traffic.apply, { name: 'widgets' }) }).click()
      await page.getByText(said(services.doing.done_one, {})).waitFor()
      await page.getByText(services.traffic.set).waitFor()
      const { weights } = await registry.getTraffic({ service: 'widgets' })
      expect(weights.map(({ version, percent }) => [version, percent])).toEqual([
        ['1.0.0', 90],
        ['2.0.0', 10],
      ])
      await page.getByRole('button', { name: services.traffic.reset }).click()
      await page.getByText(services.traffic.even).waitFor()
      expect(complaints).toEqual([])
    })
    for (const each of fakes.splice(0)) each.kill()
    await until('it is forgotten', async () => registry.removeService({ service: 'widgets' }).then(Boolean))
  })

  test('has its methods with their policy, its figures, and a deployment under way', async () => {
    await open('/services/users', async (page, complaints) => {
      await signIn(page, mesh.admin)
      const methods = page.getByRole('table', { name: services.methods })
      await methods
        .getByRole('row', { name: /^GetUser/ })
        .getByText('users:read')
        .waitFor()
      await seen(page.getByText(en.signals.rateTitle))
      await page.getByRole('button', { name: 'Deploy users' }).click()
      const form = page.getByRole('dialog')
      await form.getByRole('button', { name: 'Deploy users' }).click()
      // Deployments of before may be listed below it.
      const running = page.getByText(services.deployment.running)
      await running.first().waitFor()
      await page
        .getByText(said(services.step.start, { name: 'users-2' }))
        .first()
        .waitFor({ timeout: 60_000 })
      await running.first().waitFor({ state: 'detached', timeout: 60_000 })
      await page.getByText(services.deployment.succeeded, { exact: true }).first().waitFor()
      await methods.getByRole('link', { name: 'GetUser', exact: true }).click()
      await page.waitForURL('**/explorer?method=site11.users.v1.UsersService%2FGetUser')
      expect(complaints).toEqual([])
    })
  })
})

const pages = [
  '/',
  '/services',
  '/services/users',
  '/services/users/users-1',
  '/services/users/users-1?tab=journal',
  '/services/users/users-1?tab=logs',
  '/services/users/users-1?tab=settings',
  '/services/nothing',
  '/services/users/nothing-1',
]

describe('axe finds nothing wrong', () => {
  test.each(['light', 'dark'] as const)('in the %s theme, nor with the drawer open', async colorScheme => {
    await open(
      '/services',
      async page => {
        await signIn(page, mesh.admin)
        await rowOf(page, 'users/users-1').getByRole('link').click()
        await page.getByRole('dialog').getByText(services.says.sends, { exact: true }).waitFor()
        expect(await violationsOf(page), 'drawer').toEqual([])
        for (const path of pages) {
          await page.goto(`${mesh.url}${path}`)
          await page.getByRole('heading', { level: 1 }).waitFor()
          await page.waitForFunction(() => document.querySelector('[aria-busy=true]') === null)
          expect(await violationsOf(page), path).toEqual([])
        }
      },
      { colorScheme, reducedMotion: 'reduce' },
    )
  })
})
