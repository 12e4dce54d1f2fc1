/** Topology, Gateway, Activity, palette and keyboard, in a real browser on the real mesh. */
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { en } from '../console/web/src/i18n/en.ts'
import { ko } from '../console/web/src/i18n/ko.ts'
import { admin, createUser } from './accounts.ts'
import { apiOver, mesh } from './api.ts'
import { open, seen, signIn, violationsOf } from './browser.ts'
import { meshCommand } from './cli.ts'
import { contractOf, type FakeInstance, startFake } from './fake-instance.ts'
import { untilHealthy } from './processes.ts'
import { until } from './until.ts'

const { registry, diagnostics } = apiOver('gRPC', admin)
const fakes: FakeInstance[] = []

async function fake(...options: Parameters<typeof startFake>) {
  const started = await startFake(...options)
  fakes.push(started)
  await started.welcome
}

async function forgetFakes(service: string) {
  for (const each of fakes.splice(0)) each.kill()
  // Refused while it has instances, which it has until their leases end.
  await until(`${service} is forgotten`, async () => registry.removeService({ service }).then(Boolean))
  await untilHealthy(mesh.url)
}

async function scale(users: number) {
  const { code, stdout, stderr } = await meshCommand(['scale', `users=${users}`], mesh.settings)
  if (code !== 0) throw new Error(stdout + stderr)
  await untilHealthy(mesh.url)
}

/** Where the things of the map stand on the screen. */
const placesOf = (page: Page) =>
  page.$$eval('.react-flow__node', nodes =>
    Object.fromEntries(nodes.map(node => [node.getAttribute('data-id'), (node as HTMLElement).style.transform])),
  )

beforeAll(() => scale(2))
afterAll(() => scale(1))

describe('the topology', () => {
  test('has every service with its state, stays where it is when others come, and leads on', async () => {
    await open('/topology', async (page, complaints) => {
      await signIn(page, mesh.admin)
      const users = page.locator('.react-flow__node', { hasText: 'users' })
      await users.getByText(en.state.healthy, { exact: true }).first().waitFor()
      expect(await users.getByRole('img', { name: /^users-\d: Healthy/ }).count()).toBe(2)
      await seen(page.getByText(en.topology.noFigures).or(page.getByText('/s')))
      const before = await placesOf(page)
      expect(Object.keys(before)).toEqual(
        expect.arrayContaining(['clients', 'edge', 'service/users', 'service/console', 'store/mongodb', 'store/redis']),
      )
      await registry.drainInstance({ instance: 'users-2', reason: 'seen on the map' })
      await users.getByRole('img', { name: 'users-2: Draining' }).waitFor({ timeout: 10_000 })
      await registry.resumeInstance({ instance: 'users-2' })
      await users.getByRole('img', { name: 'users-2: Healthy' }).waitFor({ timeout: 10_000 })
      await fake({ service: 'widgets', instance: 'widgets-1' })
      await page.locator('.react-flow__node', { hasText: 'widgets' }).waitFor({ timeout: 10_000 })
      expect(await placesOf(page)).toMatchObject(before)
      await users.getByRole('link').click()
      await page.waitForURL('**/services/users')
      expect(complaints).toEqual([])
    })
    await forgetFakes('widgets')
  })

  test('says the same as a list, by keyboard, and keeps its filter in the address', async () => {
    await open('/topology?view=list', async page => {
      await signIn(page, mesh.admin)
      const services = page.getByRole('list', { name: en.topology.headings.service, exact: true })
      await services.getByRole('link', { name: 'users' }).waitFor()
      await page.keyboard.press('/')
      await page.keyboard.type('nothing like it')
      await seen(page.getByText(en.topology.noneFound))
      expect(new URL(page.url()).searchParams.get('service')).toBe('nothing like it')
      await page.goto(`${mesh.url}/topology?failing=true`)
      await seen(page.getByText(en.topology.allWell))
    })
  })
})

describe('the gateway', () => {
  test('shows a contract that Envoy refuses, with its cause, and the change leads to the journal', async () => {
    await fake({ service: 'widgets', instance: 'widgets-1' })
    await until('the first contract is in force', async () => {
      const { contracts } = await diagnostics.listRoutes({})
      return contracts.some(({ service, contractHash }) => service === 'widgets' && contractHash !== '')
    })
    await open('/gateway?tab=proxies', async (page, complaints) => {
      await signIn(page, mesh.admin)
      await page.getByRole('table', { name: en.gateway.versionsOf.replace('{{name}}', 'envoy-1') }).waitFor()
      await fake({ service: 'widgets', instance: 'widgets-2', contract: contractOf('widgets', 1000) })
      const alert = page.getByRole('alert', { name: en.gateway.takenBack.replace('{{service}}', 'widgets') })
      await alert.getByText(en.gateway.nack.regex).waitFor()
      await alert.getByText(en.gateway.envoySaid).click()
      await alert.getByText(/regex '/).waitFor()
      await alert.getByText(en.gateway.contractBy).waitFor()
      // The refusal itself, as the proxy gave it.
      await page.getByRole('heading', { name: en.gateway.refusals }).waitFor()
      expect(await violationsOf(page)).toEqual([])
      // The pill of the top bar says it too, and leads to it.
      await page.getByRole('button', { name: /^State of the mesh/ }).click()
      await page.getByText(en.findings.next).first().waitFor()
      await page.keyboard.press('Escape')
      await alert
        .getByRole('link', { name: /^#\d+$/ })
        .first()
        .click()
      const drawer = page.getByRole('dialog')
      await drawer.getByText('service.contract', { exact: true }).waitFor()
      await drawer.getByRole('rowheader', { name: 'contractHash' }).waitFor()
      expect(complaints).toEqual([])
    })
    await forgetFakes('widgets')
  })

  test('rotates the signing key when asked twice, and shows the successor', async () => {
    await open('/gateway?tab=trust', async (page, complaints) => {
      await signIn(page, mesh.admin)
      await page.getByRole('button', { name: en.gateway.rotateKeys }).click()
      const dialog = page.getByRole('dialog', { name: en.gateway.rotateKeys })
      const rotate = dialog.getByRole('button', { name: en.gateway.rotateKeys })
      expect(await rotate.isDisabled()).toBe(true)
      await dialog.getByRole('textbox').fill('keys')
      await page.keyboard.press('Enter')
      const keys = page.getByRole('table', { name: en.gateway.secrets.keys.title })
      await keys.getByText(en.gateway.roles.next).waitFor({ timeout: 10_000 })
      await keys.getByText(en.gateway.believedUntil).waitFor()
      await page.getByRole('table', { name: en.gateway.certificates }).getByText('users-1').waitFor()
      expect(complaints).toEqual([])
    })
    const { changes } = await diagnostics.listChanges({ filter: 'action = "key.published"', pageSize: 1 })
    expect(changes[0]?.actor).toMatch(/^users\//)
  })

  test('finds routes by what is written, with their origin in the contract', async () => {
    await open('/gateway?search=getuser', async page => {
      await signIn(page, mesh.admin)
      const routes = page.getByRole('table', { name: en.gateway.tabs.routes })
      await routes.getByText('site11/users/v1/users_service.proto').first().waitFor()
      await routes.getByText('/api/v1/users/{id}').waitFor()
      expect(await routes.getByText('AuthService').count()).toBe(0)
    })
  })
})

describe('the activity', () => {
  test('follows live, can be paused, names who did it and proves the journal', async () => {
    await open('/activity', async (page, complaints) => {
      await signIn(page, mesh.admin)
      const list = page.getByRole('list', { name: en.activity.title })
      await list.getByRole('listitem').first().waitFor()
      await registry.drainInstance({ instance: 'users-2', reason: 'a new disk' })
      const drained = list.getByRole('listitem').filter({ hasText: 'a new disk' })
      await drained.waitFor({ timeout: 10_000 })
      await drained.getByText(en.activity.by.replace('{{name}}', ''), { exact: false }).waitFor()
      // A name, not the end of an id.
      expect(await drained.innerText()).not.toContain('…')
      await page.getByRole('button', { name: en.activity.pause }).click()
      const { change } = await registry.resumeInstance({ instance: 'users-2' })
      await page.getByRole('button', { name: /new change/ }).waitFor({ timeout: 10_000 })
      expect(await list.getByText(`#${change}`, { exact: true }).count()).toBe(0)
      await page.getByRole('button', { name: /new change/ }).click()
      await list.getByText(`#${change}`, { exact: true }).waitFor()
      await page.getByRole('button', { name: en.activity.verify }).click()
      await page.getByRole('dialog').getByText(en.activity.proven).waitFor()
      expect(complaints).toEqual([])
    })
  })

  test('is filtered as the API is, and every row is reached and opened by keyboard', async () => {
    await open('/activity?action=instance.drained&name=users-2', async page => {
      await signIn(page, mesh.admin)
      const list = page.getByRole('list', { name: en.activity.title })
      await list.getByRole('listitem').first().waitFor()
      const { changes } = await diagnostics.listChanges({
        filter: 'action = "instance.drained" AND subject = "instances/users-2*"',
      })
      expect(await list.getByRole('listitem').count()).toBe(changes.length)
      await page.keyboard.press('j')
      await page.keyboard.press('Enter')
      const drawer = page.getByRole('dialog')
      await drawer.getByText('instance.drained', { exact: true }).waitFor()
      expect(new URL(page.url()).searchParams.get('change')).toBe(String(changes[0]?.id))
      await page.keyboard.press('Escape')
      await drawer.waitFor({ state: 'detached' })
      // The focus is back where it came from.
      expect(await page.evaluate(() => document.activeElement?.hasAttribute('data-row'))).toBe(true)
    })
  })
})

describe('the palette', () => {
  test('does everything by keyboard alone: pages, an instance, the theme', async () => {
    const user = await createUser({ displayName: 'Palette Person' })
    await open('/', async (page, complaints) => {
      await signIn(page, mesh.admin)
      await page.getByRole('heading', { level: 1, name: /^(Healthy )?All .* healthy/ }).waitFor()
      await page.keyboard.press('Control+k')
      const field = page.getByRole('combobox', { name: en.palette.open })
      await field.waitFor()
      await page.keyboard.type('topo')
      await page.getByRole('option', { name: en.nav.topology, selected: true }).waitFor()
      await page.keyboard.press('Enter')
      await page.getByRole('heading', { name: en.topology.title, level: 1 }).waitFor()
      await page.keyboard.press('Control+k')
      await page.keyboard.type('drain users-2')
      await page.getByRole('option', { name: 'Drain users-2', selected: true }).waitFor()
      await page.keyboard.press('Enter')
      await until('users-2 is drained', async () =>
        Boolean((await registry.getInstance({ instance: 'users-2' })).instance?.drainedBy),
      )
      await page.getByRole('button', { name: en.common.undo }).click()
      await until(
        'users-2 is back',
        async () => !(await registry.getInstance({ instance: 'users-2' })).instance?.drainedBy,
      )
      await page.keyboard.press('Control+k')
      // Users are found by the server.
      await page.keyboard.type('palette per')
      await page.getByRole('option', { name: new RegExp(user.email) }).waitFor()
      await page.keyboard.press('Escape')
      await field.waitFor({ state: 'detached' })
      await page.keyboard.press('Control+k')
      // What was done lately comes first.
      await page.getByRole('group', { name: en.palette.groups.recent }).getByText('Drain users-2').waitFor()
      await page.keyboard.type('dark')
      await page.keyboard.press('Enter')
      await page.locator('html[data-mantine-color-scheme="dark"]').waitFor()
      await page.keyboard.press('?')
      await page.getByRole('dialog', { name: en.palette.map.title }).waitFor()
      await page.keyboard.press('Escape')
      await page.keyboard.press('g')
      await page.keyboard.press('a')
      await page.getByRole('heading', { name: en.activity.title, level: 1 }).waitFor()
      expect(complaints).toEqual([])
    })
  })

  test('finds Korean by initial consonants, and leaves a syllable that is being composed alone', async () => {
    await open(
      '/gateway',
      async (page, complaints) => {
        await signIn(page, mesh.admin, ko)
        await page.getByRole('heading', { name: ko.gateway.title, level: 1 }).waitFor()
        await page.keyboard.press('Control+k')
        const field = page.getByRole('combobox', { name: ko.palette.open })
        await field.waitFor()
        const input = await page.context().newCDPSession(page)
        await page.keyboard.insertText('ㅌㅍㄹ')
        await page.getByRole('option', { name: ko.nav.topology, selected: true }).waitFor()
        await field.fill('')
        // As an input method does it: the syllable stands in the field and is not finished yet.
        await input.send('Input.imeSetComposition', { text: '활', selectionStart: 1, selectionEnd: 1 })
        await page.getByRole('option', { name: ko.nav.activity, selected: true }).waitFor()
        await field.dispatchEvent('keydown', { key: 'Enter', isComposing: true, keyCode: 229 })
        expect(await field.count()).toBe(1)
        await input.send('Input.insertText', { text: '활' })
        await page.keyboard.press('Enter')
        await page.getByRole('heading', { name: ko.activity.title, level: 1 }).waitFor()
        expect(complaints).toEqual([])
      },
      { locale: 'ko-KR' },
    )
  })
})

const pages = [
  '/topology',
  '/topology?view=list',
  '/gateway',
  '/gateway?tab=proxies',
  '/gateway?tab=trust',
  '/gateway?tab=trust&rotate=keys',
  '/gateway?tab=calls',
  '/activity',
  '/activity?change=1',
]

describe('axe finds nothing wrong', () => {
  test.each(['light', 'dark'] as const)('in the %s theme, nor with the palette open', async colorScheme => {
    await open(
      '/topology',
      async page => {
        await signIn(page, mesh.admin)
        await page.getByRole('heading', { name: en.topology.title, level: 1 }).waitFor()
        for (const path of pages) {
          await page.goto(`${mesh.url}${path}`)
          await page.getByRole('heading', { level: 1 }).waitFor()
          await page.waitForFunction(
            () => document.querySelector('[aria-busy=true], [role=status][aria-label]') === null,
          )
          expect(await violationsOf(page), path).toEqual([])
        }
        await page.goto(`${mesh.url}/activity`)
        await page.getByRole('heading', { name: en.activity.title, level: 1 }).waitFor()
        for (const keys of ['Control+k', 'Escape', '?']) {
          await page.keyboard.press(keys)
          if (keys !== 'Escape') await page.getByRole('dialog').first().waitFor()
          expect(await violationsOf(page), keys).toEqual([])
        }
      },
      { colorScheme, reducedMotion: 'reduce' },
    )
  })
})
