/** The API explorer in a real browser, on the real mesh: calls as oneself, and what is copied from it, run as it stands. */
import { execFile } from 'node:child_process'
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { create, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { ChangeType, WatchUsersResponseSchema } from '@site11/proto/es/site11/users/v1/users_service_pb.ts'
import axe from 'axe-core'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { kindsContract } from '../console/web/src/explorer/kinds-fixture.ts'
import { en } from '../console/web/src/i18n/en.ts'
import { ko } from '../console/web/src/i18n/ko.ts'
import { admin, createUser, newEmail, password, register } from './accounts.ts'
import { mesh } from './api.ts'
import { launchBrowser } from './browser.ts'
import { root } from './cli.ts'

const run = promisify(execFile)

let browser: Browser
beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(() => browser.close())

const users = 'site11.users.v1.UsersService'

interface Search {
  method?: string
  request?: unknown
  tab?: string
  view?: string
}

function address({ request, ...rest }: Search): string {
  const search = new URLSearchParams({ ...rest, ...(request !== undefined && { request: JSON.stringify(request) }) })
  return `${mesh.url}/explorer?${search}`
}

/** Opens the explorer, signed in; whatever the page complains of is in `complaints`. */
async function open(
  search: Search,
  during: (page: Page, complaints: string[]) => Promise<void>,
  { who = mesh.admin, ...options }: { who?: { email: string; password: string } } & BrowserContextOptions = {},
) {
  const context = await browser.newContext({
    locale: 'en-GB',
    permissions: ['clipboard-read', 'clipboard-write'],
    viewport: { width: 1440, height: 900 },
    ...options,
  })
  const page = await context.newPage()
  page.setDefaultTimeout(15_000)
  const complaints: string[] = []
  page.on('console', message => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('pageerror', error => complaints.push(String(error)))
  try {
    await page.goto(address(search))
    await page.locator('input[type=email]').fill(who.email)
    await page.locator('input[type=password]').fill(who.password)
    await page.locator('button[type=submit]').click()
    await page.waitForURL(url => url.pathname === '/explorer')
    await during(page, complaints)
  } finally {
    await context.close()
  }
}

const call = (page: Page, name: string) =>
  page.getByRole('button', { name: en.explorer.send.replace('{{name}}', name) })
const answer = (page: Page) => page.getByRole('region', { name: en.explorer.response.title })
/** The status line says the call's end. */
const status = (page: Page, text: string) => answer(page).getByRole('status').getByText(text).waitFor()
const clipboard = (page: Page) => page.evaluate(() => navigator.clipboard.readText())

async function copied(page: Page, kind: string): Promise<string> {
  await page.getByRole('button', { name: en.copyCall.label }).click()
  await page.getByRole('menuitem', { name: kind, exact: true }).click()
  await page.getByText(en.copyCall.done.replace('{{name}}', kind).slice(0, -1), { exact: false }).last().waitFor()
  return clipboard(page)
}

describe('a call', () => {
  test('is found, filled in and sent by keyboard alone, and stands in address and history', async () => {
    const user = await createUser({ displayName: '김탐색' })
    await open({}, async (page, complaints) => {
      await page.getByText(en.explorer.choose).waitFor()
      await page.keyboard.press('/')
      await page.keyboard.type('list users')
      const found = page.getByRole('link', { name: 'ListUsers', exact: true })
      await found.waitFor()
      await page.getByRole('link', { name: 'WatchMesh' }).waitFor({ state: 'detached' })
      // ListUserSessions is found, too, and stands before it.
      for (let rows = 0; rows < 3 && !(await found.evaluate(link => link === document.activeElement)); rows++) {
        await page.keyboard.press('ArrowDown')
      }
      await page.keyboard.press('Enter')
      await page.getByRole('heading', { name: 'ListUsers' }).waitFor()
      await page.getByLabel(/^search string/).focus()
      await page.keyboard.type(user.email)
      await page.keyboard.press('Control+Enter')
      await status(page, 'OK')
      await answer(page).getByText(`"${user.email}"`).waitFor()
      await answer(page).getByText('"김탐색"').waitFor()
      await page.waitForURL(url => url.searchParams.get('request') === JSON.stringify({ search: user.email }))
      await page.getByRole('tab', { name: en.explorer.tabs.history }).click()
      await page.getByRole('cell', { name: 'ListUsers' }).waitFor()
      expect(complaints).toEqual([])
    })
  })

  test('shows status, time, headers and trailers', async () => {
    await open({ method: `${users}/GetMe` }, async page => {
      await call(page, 'GetMe').click()
      await status(page, 'OK')
      await answer(page)
        .getByText(/\d+ ms/)
        .waitFor()
      await answer(page)
        .getByText(/^Headers \(/)
        .click()
      await answer(page).getByRole('cell', { name: 'application/grpc-web+proto' }).waitFor()
      await answer(page).getByRole('rowheader', { name: 'grpc-status' }).waitFor()
    })
  })

  test('cannot end the session of the page that it is made from', async () => {
    await open({ method: 'site11.console.v1.AuthService/Logout' }, async page => {
      await call(page, 'Logout').click()
      await status(page, 'UNAUTHENTICATED (16)')
      await page.reload()
      await page.getByRole('heading', { name: 'Logout' }).waitFor()
    })
  })
})

describe('a stream', () => {
  test('shows messages as they come, is paused and stopped', async () => {
    await open({ method: `${users}/WatchUsers` }, async (page, complaints) => {
      await call(page, 'WatchUsers').click()
      await status(page, en.explorer.stream.live)
      await answer(page).getByText('"CHANGE_TYPE_READY"', { exact: true }).waitFor()
      const first = await createUser()
      await answer(page).getByText(`"${first.email}"`, { exact: true }).waitFor()
      await page.getByRole('button', { name: en.explorer.stream.pause }).click()
      const second = await createUser()
      await page.getByRole('button', { name: /Go on \(\d new\)/ }).waitFor()
      expect(await answer(page).getByText(second.email).count()).toBe(0)
      await page.getByRole('button', { name: /Go on/ }).click()
      await answer(page).getByText(`"${second.email}"`, { exact: true }).waitFor()
      await page.getByRole('button', { name: en.explorer.stream.stop }).click()
      await status(page, en.explorer.response.stopped)
      expect(complaints).toEqual([])
    })
  })

  test('that is cut says so, and keeps what has come', async () => {
    const message = toBinary(WatchUsersResponseSchema, create(WatchUsersResponseSchema, { type: ChangeType.READY }))
    const body = Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message])
    await open({ method: `${users}/WatchUsers` }, async page => {
      // As when the proxy is gone in the middle of it: no trailers.
      await page.route('**/WatchUsers', route => route.fulfill({ body, contentType: 'application/grpc-web+proto' }))
      await call(page, 'WatchUsers').click()
      await status(page, 'Cut off: UNAVAILABLE')
      await answer(page).getByText('"CHANGE_TYPE_READY"', { exact: true }).waitFor()
    })
  })
})

describe('what is wrong', () => {
  test('stands at its field before it is sent, and after the service has refused it', async () => {
    await open({ method: `${users}/CreateUser` }, async (page, complaints) => {
      const email = page.getByLabel(/^email string/)
      await email.fill('nobody')
      await call(page, 'CreateUser').click()
      await page.getByText(en.field.email).waitFor()
      expect(await email.getAttribute('aria-invalid')).toBe('true')
      expect(await email.evaluate(input => input === document.activeElement)).toBe(true)
      await answer(page).getByText(en.explorer.response.none).waitFor()
      await page.getByRole('button', { name: en.explorer.sendAnyway }).click()
      await status(page, 'INVALID_ARGUMENT (3)')
      await answer(page).getByText('INVALID_FIELD', { exact: true }).waitFor()
      // One rule that the page cannot know.
      await email.fill(mesh.admin.email)
      await call(page, 'CreateUser').click()
      await status(page, 'ALREADY_EXISTS (6)')
      await answer(page).getByText('EMAIL_TAKEN', { exact: true }).waitFor()
      expect(complaints).toEqual([])
    })
  })

  test('stands at its line in the JSON, which is the same request', async () => {
    await open({ method: `${users}/UpdateUser`, view: 'json' }, async page => {
      const text = page.getByLabel(en.explorer.form.json)
      await text.fill('{\n  "user": {\n    "id": "x",\n    "displayName": 5\n  }\n}')
      await page.getByRole('button', { name: 'Line 4' }).click()
      expect(
        await text.evaluate((area: HTMLTextAreaElement) => area.value.slice(area.selectionStart, area.selectionEnd)),
      ).toBe('5')
      await text.fill('{"user": {"id": "x", "displayName": "나"')
      await page.getByText(en.explorer.issue.json).waitFor()
      await text.fill('{"user": {"id": "x", "displayName": "나"}}')
      await page.getByText(en.explorer.views.form, { exact: true }).click()
      expect(await page.getByLabel(/^displayName/).inputValue()).toBe('나')
      await page.getByLabel(/^displayName/).fill('너')
      await page.getByText(en.explorer.views.json, { exact: true }).click()
      expect(JSON.parse(await text.inputValue())).toEqual({ user: { id: 'x', displayName: '너' } })
    })
  })

  test('is spelt out for who may not call', async () => {
    const { email } = await register()
    await open(
      { method: `${users}/ListUsers` },
      async page => {
        await page.getByText(en.explorer.access.youLack).waitFor()
        await call(page, 'ListUsers').click()
        await status(page, 'PERMISSION_DENIED (7)')
        await answer(page).getByText(en.problem.reason.SCOPE_MISSING.what).waitFor()
        await answer(page).getByText('users:read').first().waitFor()
      },
      { who: { email, password } },
    )
  })

  test('is said when the server cannot be reached, and of a method that is not there', async () => {
    await open({ method: 'site11.users.v1.UsersService/Fly' }, async page => {
      await page.getByText(en.explorer.missing).waitFor()
      await page.goto(address({ method: `${users}/GetMe` }))
      await call(page, 'GetMe').waitFor()
      await page.context().setOffline(true)
      await call(page, 'GetMe').click()
      await answer(page).getByText(en.problem.code.UNAVAILABLE.what).waitFor()
      await page.context().setOffline(false)
      await page.route('**/descriptors.binpb', route => route.abort())
      await page.reload()
      await page.getByText(en.problem.code.UNAVAILABLE.what).waitFor()
      await page.unroute('**/descriptors.binpb')
      await page.getByRole('button', { name: en.common.retry }).click()
      await call(page, 'GetMe').waitFor()
    })
  })
})

describe('a link', () => {
  test('that is shared opens the same request, without its secrets', async () => {
    let link = ''
    await open({ method: `${users}/CreateUser` }, async page => {
      await page.getByLabel(/^displayName/).fill('이공유')
      await page.getByLabel(/^password/).fill('not to be shared')
      await page.getByRole('button', { name: en.explorer.share.label }).click()
      await page.getByText(en.explorer.share.done).waitFor()
      link = await clipboard(page)
    })
    const { searchParams } = new URL(link)
    const request = JSON.parse(searchParams.get('request') ?? '')
    expect(request).toEqual({ user: { displayName: '이공유' } })
    await open({ method: searchParams.get('method') ?? '', request }, async page => {
      expect(await page.getByLabel(/^displayName/).inputValue()).toBe('이공유')
      expect(await page.getByLabel(/^password/).inputValue()).toBe('')
    })
  })
})

const executable = (name: string): string | undefined =>
  [...(process.env.PATH ?? '').split(delimiter), join(process.env.HOME ?? '', 'go/bin')]
    .map(folder => join(folder, name))
    .find(path => {
      try {
        accessSync(path, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
const curl = executable('curl')
const grpcurl = executable('grpcurl')

/** Runs a command as it was copied, in a folder of its own. @returns its answer. */
async function shell(command: string): Promise<Record<string, unknown>> {
  const folder = mkdtempSync(join(root, 'test/copied-'))
  const path = [...new Set([curl, grpcurl].flatMap(tool => (tool ? [join(tool, '..')] : [])))].join(delimiter)
  try {
    const env = { PATH: `${path}${delimiter}${process.env.PATH}`, TOKEN: await admin(), PASSWORD: password }
    return JSON.parse((await run('sh', ['-ec', command], { cwd: folder, env })).stdout)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

describe('what is copied', () => {
  const search = (email: string) => ({ method: `${users}/ListUsers`, request: { search: email, pageSize: 5 } })

  test.skipIf(!curl)('as curl calls over REST', async () => {
    const user = await createUser({ displayName: 'it\'s "so" $HOME' })
    await open(search(user.email), async page => {
      const command = await copied(page, 'curl')
      expect(command).not.toContain(await admin())
      expect(await shell(command)).toMatchObject({ users: [{ id: user.id, displayName: user.displayName }] })
    })
    const email = newEmail()
    const request = { user: { email, displayName: 'it\'s "so" $HOME' } }
    await open({ method: `${users}/CreateUser`, request }, async page => {
      await page.getByLabel(/^password/).fill('not to be copied')
      const command = await copied(page, 'curl')
      expect(command).not.toContain('not to be copied')
      expect(await shell(command)).toMatchObject({ user: request.user })
    })
  })

  test.skipIf(!grpcurl || !curl)('as grpcurl calls over gRPC', async () => {
    const user = await createUser()
    await open(search(user.email), async page => {
      expect(await shell(await copied(page, 'grpcurl'))).toMatchObject({ users: [{ id: user.id }] })
    })
  })

  test('as TypeScript compiles, and calls over gRPC-Web', async () => {
    const user = await createUser()
    const folder = mkdtempSync(join(root, 'test/copied-'))
    try {
      await open(search(user.email), async page => {
        writeFileSync(join(folder, 'unary.ts'), await copied(page, 'TypeScript'))
      })
      const watch = { method: 'site11.console.v1.DiagnosticsService/WatchMesh' }
      await open(watch, async page => writeFileSync(join(folder, 'stream.ts'), await copied(page, 'TypeScript')))
      const options = [
        '--ignoreConfig',
        '--noEmit',
        '--strict',
        '--skipLibCheck',
        '--verbatimModuleSyntax',
        '--allowImportingTsExtensions',
      ]
      const target = ['--target', 'esnext', '--module', 'nodenext', '--lib', 'esnext,dom']
      const tsc = join(root, 'node_modules/.bin/tsc')
      await run(tsc, [...options, ...target, 'unary.ts', 'stream.ts'], { cwd: folder })
      const { listUsers } = await import(pathToFileURL(join(folder, 'unary.ts')).href)
      expect(await listUsers(await admin())).toMatchObject({ users: [{ id: user.id }] })
      const { watchMesh } = await import(pathToFileURL(join(folder, 'stream.ts')).href)
      for await (const event of watchMesh(await admin())) {
        expect(event.instances.length).toBeGreaterThan(0)
        break
      }
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

test('there is an input for every kind of field', async () => {
  const body = Buffer.from(toBinary(FileDescriptorSetSchema, kindsContract()))
  await open({}, async (page, complaints) => {
    await page.route('**/descriptors.binpb', route => route.fulfill({ body, contentType: 'application/x-protobuf' }))
    await page.goto(address({ method: 'site11.kinds.v1.KindsService/Try' }))
    const fill = (name: string, value: string) => page.getByLabel(name).first().fill(value)
    await fill('text string', 'a')
    await fill('amount int32', '-3')
    await fill('large int64', '9223372036854775807')
    await fill('ratio double', '1.5')
    await page.getByLabel('flag bool').check()
    await fill('data bytes', 'AQID')
    await page.getByLabel('colour Colour').selectOption('COLOUR_RED')
    await page.getByRole('button', { name: 'Add words' }).click()
    await page.getByRole('textbox', { name: 'words[0]' }).fill('w')
    await page.getByRole('button', { name: 'Add counts' }).click()
    await page.getByLabel('Key 1').fill('k')
    await page.getByRole('textbox', { name: 'counts[k]' }).fill('7')
    await page.getByLabel('choice oneof').selectOption('byNumber')
    await fill('byNumber uint32', '5')
    await page.getByLabel('maybe bool').selectOption('false')
    await fill('time Timestamp', '2026-01-01T00:00:00Z')
    await fill('duration Duration', '1.5s')
    await fill('mask FieldMask', 'text')
    await fill('wrapped StringValue', 'w')
    await fill('wrappedNumber Int64Value', '8')
    await fill('free Struct', '{"a": [1]}')
    await fill('value Value', '[true]')
    await fill('any Any', '{"@type": "type.googleapis.com/google.protobuf.Duration", "value": "2s"}')
    await page.getByRole('button', { name: 'Add inner', exact: true }).click()
    await page.getByLabel('amount int32').nth(1).fill('much')
    await page.getByText('This must be of the type int32.').waitFor()
    await page.getByLabel('amount int32').nth(1).fill('9')
    await page.getByText(en.explorer.views.json, { exact: true }).click()
    expect(JSON.parse(await page.getByLabel(en.explorer.form.json).inputValue())).toEqual({
      text: 'a',
      amount: -3,
      large: '9223372036854775807',
      ratio: 1.5,
      flag: true,
      data: 'AQID',
      colour: 'COLOUR_RED',
      words: ['w'],
      counts: { k: 7 },
      byNumber: 5,
      maybe: false,
      time: '2026-01-01T00:00:00Z',
      duration: '1.5s',
      mask: 'text',
      wrapped: 'w',
      wrappedNumber: '8',
      free: { a: [1] },
      value: [true],
      any: { '@type': 'type.googleapis.com/google.protobuf.Duration', value: '2s' },
      inner: { amount: 9 },
    })
    expect(complaints).toEqual([])
  })
})

/** @returns what axe finds, as `rule: element`. */
async function axeFindings(page: Page): Promise<string[]> {
  await page.evaluate(axe.source)
  const { violations } = await page.evaluate(() =>
    (globalThis as unknown as { axe: typeof axe }).axe.run({ resultTypes: ['violations'] }),
  )
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 160)}`))
}

describe('everybody', () => {
  test.each(['light', 'dark'] as const)('can use it in %s (axe)', async colorScheme => {
    await open(
      { method: `${users}/CreateUser`, request: { user: { email: 'x', profile: { a: 'b' } } } },
      async page => {
        await call(page, 'CreateUser').click()
        await page.getByText(en.field.email).waitFor()
        await page.getByRole('button', { name: en.explorer.sendAnyway }).click()
        await status(page, 'INVALID_ARGUMENT (3)')
        expect(await axeFindings(page)).toEqual([])
        for (const search of [
          { method: `${users}/ListUsers`, view: 'json' },
          { method: `${users}/ListUsers`, view: 'rest' },
          { method: `${users}/ListUsers`, tab: 'reference' },
          { method: `${users}/ListUsers`, tab: 'history' },
          {},
        ]) {
          await page.goto(address(search))
          await page.getByRole('link', { name: 'ListUsers', exact: true }).first().waitFor()
          expect(await axeFindings(page), JSON.stringify(search)).toEqual([])
        }
        await page.goto(address({ method: `${users}/WatchUsers` }))
        await call(page, 'WatchUsers').click()
        await answer(page).getByText('"CHANGE_TYPE_READY"', { exact: true }).waitFor()
        expect(await axeFindings(page)).toEqual([])
      },
      { colorScheme },
    )
  })

  test('has it in Korean, and on a narrow screen', async () => {
    await open(
      {},
      async page => {
        await page.getByRole('heading', { name: ko.nav.explorer }).waitFor()
        await page.getByRole('link', { name: 'GetUser', exact: true }).click()
        await page.getByLabel(/^id string/).fill('x')
        await page.getByRole('button', { name: ko.explorer.send.replace('{{name}}', 'GetUser') }).click()
        await page.getByText(ko.explorer.issue.uuid).waitFor()
        await page.getByRole('button', { name: ko.explorer.sendAnyway }).click()
        await page.getByText(ko.problem.reason.INVALID_FIELD.what).waitFor()
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
        expect(overflow).toBeLessThanOrEqual(0)
        await page.getByRole('link', { name: ko.explorer.allMethods }).click()
        await page.getByRole('link', { name: 'ListUsers', exact: true }).waitFor()
      },
      { locale: 'ko-KR', viewport: { width: 390, height: 844 } },
    )
  })
})
