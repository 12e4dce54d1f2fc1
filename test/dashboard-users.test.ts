/** Users and account in a real browser: what an administrator does all day, and what may go wrong meanwhile. */
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Locator, Page } from 'playwright-core'
import { afterAll, describe, expect, test } from 'vitest'
import { en } from '../console/web/src/i18n/en.ts'
import { ko } from '../console/web/src/i18n/ko.ts'
import { admin, createUser, login, newEmail, password, register } from './accounts.ts'
import { apiOver, mesh } from './api.ts'
import { open, seen, signIn, violationsOf } from './browser.ts'
import { until } from './until.ts'

const api = apiOver('REST', admin)
const get = async (id: string) => (await api.users.getUser({ id })).user ?? expect.fail(`no user ${id}`)
const row = (page: Page, words: string) => page.getByRole('row').filter({ hasText: words })
const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true })
const nameField = (within: Page | Locator) => within.getByLabel(en.account.displayName, { exact: true })
const searchUrl = (search: string) => `/users?search=${encodeURIComponent(search)}`

/** Users whose names begin alike, so that a test sees its own and no others. */
async function several(count: number, name = `t${randomUUID().slice(0, 8)}`) {
  const users = []
  for (let n = 0; n < count; n++) users.push(await createUser({ displayName: `${name} ${n}` }))
  return { name, users }
}

describe('a user', () => {
  test('is invited, edited, disabled, deleted and taken back, from the first login on', async () => {
    const email = newEmail()
    await open('/users', async (page, complaints) => {
      await signIn(page, mesh.admin)
      await page.getByRole('link', { name: en.users.create }).click()
      await page.getByLabel(en.account.email).fill(email)
      await nameField(page).fill('김철수')
      await button(page, en.users.create).click()
      await row(page, email).getByRole('link').click()

      const drawer = page.getByRole('dialog')
      await button(page, en.users.edit).click()
      await nameField(drawer).fill('이영희')
      await drawer.getByLabel('operator').check()
      await button(page, en.common.save).click()
      await drawer.getByRole('heading', { name: '이영희' }).waitFor()
      await seen(drawer.getByText('operator, user').or(drawer.getByText('user, operator')))

      await button(page, en.users.disable).click()
      await drawer.getByLabel(en.users.reason).fill('휴직')
      await button(page, en.users.disable).click()
      await seen(drawer.getByText('휴직'))
      await button(page, en.users.enable).click()
      await button(page, en.users.disable).waitFor()

      await button(page, en.users.delete).click()
      const deleted = page.getByRole('alert').filter({ hasText: en.users.deletedToast.replace('{{name}}', '이영희') })
      await deleted.getByRole('button', { name: en.common.undo }).click()
      await button(page, en.users.delete).waitFor()
      await page.keyboard.press('Escape')
      await seen(row(page, email).getByText(en.users.active))

      // What is done shows at once, before the server has it.
      const user = await until(
        'the user is back',
        async () => (await api.users.listUsers({ filter: `email = "${email}"` })).users[0],
      )
      expect(user).toMatchObject({ displayName: '이영희', disabledReason: '' })
      expect([...(user?.roles ?? [])].sort()).toEqual(['operator', 'user'])
      expect(user?.deleteTime).toBeUndefined()
      expect(complaints).toEqual([])
    })
  })

  test('is edited by two: the fields of both stand side by side, and nothing typed is lost', async () => {
    const user = await createUser({ displayName: 'Before', profile: { company: 'A' } })
    const edit = async (during: (page: Page) => Promise<void>) =>
      open(`/users/${user.id}?tab=edit`, async page => {
        await signIn(page, mesh.admin)
        await nameField(page).waitFor()
        await during(page)
      })
    await edit(async one => {
      await nameField(one).fill('One')
      await one.getByLabel(en.users.profileValue.replace('{{key}}', 'company')).fill('B')
      await edit(async other => {
        await nameField(other).fill('Other')
        await other.getByLabel('operator').check()
        await button(other, en.common.save).click()
        await button(other, en.users.edit).waitFor()
      })
      await button(one, en.common.save).click()
      const comparison = one.getByRole('form', { name: en.users.conflict })
      await comparison.waitFor()
      // Only the name was changed by both.
      expect(await button(one, en.common.save).isDisabled()).toBe(true)
      const name = comparison.getByRole('group', { name: en.account.displayName })
      expect(await name.innerText()).toMatch(/Before[\s\S]*One[\s\S]*Other/)
      await name.getByRole('radio', { name: /One/ }).check()
      expect(await violationsOf(one)).toEqual([])
      await button(one, en.common.save).click()
      await button(one, en.users.edit).waitFor()
    })
    const after = await get(user.id)
    expect(after).toMatchObject({ displayName: 'One', profile: { company: 'B' } })
    expect([...after.roles].sort()).toEqual(['operator', 'user'])
  })

  test('that is being edited is not left by mistake', async () => {
    const user = await createUser({ displayName: 'Kept' })
    await open(searchUrl(user.email), async page => {
      await signIn(page, mesh.admin)
      await row(page, user.email).getByRole('link').click()
      await button(page, en.users.edit).click()
      await nameField(page).fill('Typed')
      await page.keyboard.press('Escape')
      await button(page, en.common.keepEditing).click()
      expect(await nameField(page).inputValue()).toBe('Typed')
      await page.keyboard.press('Escape')
      await button(page, en.common.discard).click()
      await page.getByRole('dialog').waitFor({ state: 'detached' })
    })
    expect(await get(user.id)).toMatchObject({ displayName: 'Kept' })
  })

  test('has sessions that an administrator ends', async () => {
    const { email, session } = await register()
    await login({ email, password })
    await open(`/users/${session.userId}?tab=sessions`, async page => {
      await signIn(page, mesh.admin)
      await page.getByRole('button', { name: 'End all 2 sessions' }).click()
      await page.getByText(en.users.noSessions).waitFor()
      await page.getByRole('tab', { name: en.users.activity }).click()
      await page.getByText('sessions.revoked').waitFor()
      await page.getByText(en.security.types.account_created).waitFor()
      await page.getByText(en.security.signInTypes.revoked).waitFor()
    })
    await expect(apiOver('REST').auth.refresh({ refreshToken: session.refreshToken })).rejects.toThrow()
  })
})

describe('the list', () => {
  test('is filtered, ordered and looked through by its address, and follows what changes', async () => {
    const { name, users } = await several(3)
    const [first] = users
    if (!first) expect.fail()
    await api.users.disableUser({ id: first.id, reason: 'away' })
    await open(`${searchUrl(name)}&order=display_name`, async (page, complaints) => {
      await signIn(page, mesh.admin)
      await row(page, name).nth(2).waitFor()
      expect(await row(page, name).getByRole('link').allInnerTexts()).toEqual([0, 1, 2].map(n => `${name} ${n}`))
      await button(page, en.users.user).click()
      await page.waitForURL(/order=display_name(\+|%20)desc/)
      await until('the other order', async () => (await row(page, name).first().innerText()).includes(`${name} 2`))
      await page.getByText(en.users.disabled, { exact: true }).first().click()
      await page.waitForURL(/filter=state/)
      await until('the one that is disabled', async () => (await row(page, name).count()) === 1)
      await page.reload()
      await seen(row(page, `${name} 0`).getByText(en.users.disabled))
      await api.users.enableUser({ id: first.id })
      // It shows where it stands, or is gone where the list was asked for anew: the filter does not admit it any more.
      await until(
        'what has changed',
        async () => (await row(page, `${name} 0`).filter({ hasText: en.users.disabled }).count()) === 0,
      )
      expect(complaints).toEqual([])
    })
  })

  test('says what is wrong with a filter that is none', async () => {
    await open('/users?filter=shoe_size%20%3D%2042', async page => {
      await signIn(page, mesh.admin)
      await page.getByText(en.problem.reason.INVALID_FILTER.what).waitFor()
    })
  })

  test('keeps its place while a user is looked at as a page', async () => {
    await several(40, 'place')
    await open('/users', async page => {
      await signIn(page, mesh.admin)
      await row(page, 'place').first().waitFor()
      const pane = page.getByRole('grid').locator('..')
      await pane.evaluate(element => element.scrollTo(0, 900))
      await page.locator('tr[data-row="20"]').getByRole('link').click()
      await button(page, en.users.widen).click()
      await page.getByRole('link', { name: en.users.toList }).click()
      await until('the place', async () => (await pane.evaluate(element => element.scrollTop)) === 900)
    })
  })

  test('does one thing to many, lists whom it failed with, and takes it back', async () => {
    const { name, users } = await several(4)
    const [first, second] = users
    if (!first || !second) expect.fail()
    await open(searchUrl(name), async page => {
      await signIn(page, mesh.admin)
      await row(page, name).nth(3).waitFor()
      await page.getByLabel(en.users.selectAll).click()
      await page.getByText('4 users selected').waitFor()
      // Changed by somebody else since it was seen.
      await api.users.updateUser({ user: { id: first.id, displayName: `${name} other` } })
      await button(page, en.users.bulkDelete).click()
      await page.getByText('Deleted 3 users. 1 failed.').waitFor()
      await page.getByRole('list', { name: en.users.failures }).getByText(name).waitFor()
      expect((await get(first.id)).deleteTime).toBeUndefined()
      expect((await get(second.id)).deleteTime).toBeDefined()
      await button(page, en.common.undo).click()
      await page.getByText('Took back 3 changes.').waitFor()
      expect((await get(second.id)).deleteTime).toBeUndefined()
      await page.getByText('1 user selected').waitFor()
    })
  })

  test('adds a role to many', async () => {
    const { name, users } = await several(3)
    await open(searchUrl(name), async page => {
      await signIn(page, mesh.admin)
      await row(page, name).nth(2).waitFor()
      await page.getByLabel(en.users.selectAll).click()
      await page.getByRole('button', { name: `${en.users.roles}…` }).click()
      await page.getByRole('menuitem', { name: 'Add operator' }).click()
      await page.getByText('Gave the role to 3 users.').waitFor()
    })
    for (const { id } of users) expect((await get(id)).roles).toContain('operator')
  })

  test('is saved as a file that a spreadsheet opens rightly', async () => {
    const name = `c${randomUUID().slice(0, 8)}`
    await createUser({ displayName: `${name} 김철수, "부장"` })
    await createUser({ displayName: `=HYPERLINK("${name}")`, email: `${name}-formula@example.org` })
    await open(searchUrl(name), async page => {
      await signIn(page, mesh.admin)
      await row(page, name).nth(1).waitFor()
      const [download] = await Promise.all([page.waitForEvent('download'), button(page, en.users.export).click()])
      const bytes = readFileSync(await download.path())
      expect([...bytes.subarray(0, 3)]).toEqual([0xef, 0xbb, 0xbf])
      const text = bytes.toString('utf8')
      expect(text).toContain(`"'=HYPERLINK(""${name}"")"`)
      expect(download.suggestedFilename()).toMatch(/^users-.*\.csv$/)
    })
  })

  test('is gone through by keys only: search, rows, selection, a user, an edit', async () => {
    const { name, users } = await several(3)
    await open('/users', async page => {
      await signIn(page, mesh.admin)
      await page.getByRole('grid').waitFor()
      await page.locator('tr[data-row="0"]').getByRole('link').waitFor()
      await page.keyboard.press('/')
      // In one go: typed slowly, a part of the name is searched for first, and finds the same three in a list that then gives way.
      await page.keyboard.insertText(name)
      // The list before had them too, with others.
      await until('what was searched for', async () => (await page.getByRole('row').count()) === 4)
      await page.locator('[role="grid"][aria-busy="false"]').waitFor()
      await page.keyboard.press('Escape')
      await page.keyboard.press('j')
      await page.keyboard.press('x')
      await page.keyboard.press('j')
      // A Korean keyboard has another letter there.
      await page.evaluate(() =>
        document.body.dispatchEvent(
          new KeyboardEvent('keydown', { key: 'ㅌ', code: 'KeyX', bubbles: true, cancelable: true }),
        ),
      )
      await page.getByText('2 users selected').waitFor()
      await page.keyboard.press('e')
      await until('the focus', () =>
        nameField(page).evaluate((input: HTMLInputElement) => input === document.activeElement),
      )
      await page.keyboard.press('ControlOrMeta+a')
      await page.keyboard.type('By keys')
      await page.keyboard.press('Enter')
      await page.getByRole('dialog').getByRole('heading', { name: 'By keys' }).waitFor()
      // The name shows before it is saved; until then the edit is not left.
      await button(page, en.users.edit).waitFor()
      await page.keyboard.press('Escape')
      await page.getByRole('dialog').waitFor({ state: 'detached' })
      await page.keyboard.press('k')
      await page.keyboard.press('Enter')
      await page
        .getByRole('dialog')
        .getByText(users[2]?.email ?? '')
        .waitFor()
    })
  })
})

describe('a session', () => {
  /** The access token is renewed when four fifths of its five minutes are over. */
  const beyondRenewal = 4.5 * 60_000
  const endSessions = (userId: string) => api.auth.revokeUserSessions({ userId })

  async function newAdmin() {
    const { email, session } = await register()
    await api.users.setUserRoles({ id: session.userId, roles: ['admin'] })
    made.push(session.userId)
    return { email, password, id: session.userId }
  }
  /** The mesh is left with the one admin that it had. */
  const made: string[] = []
  afterAll(async () => {
    for (const id of made) await api.users.setUserRoles({ id, roles: ['user'] })
  })

  test('that expires in the middle of an edit is renewed, and nobody notices', async () => {
    const user = await createUser({ displayName: 'Before' })
    await open(`/users/${user.id}?tab=edit`, async page => {
      await page.clock.install()
      await page.reload()
      await signIn(page, mesh.admin)
      await nameField(page).fill('After')
      await page.clock.fastForward(beyondRenewal)
      await button(page, en.common.save).click()
      await button(page, en.users.edit).waitFor()
    })
    expect(await get(user.id)).toMatchObject({ displayName: 'After' })
  })

  test('that has ended is asked for over the page; what was sent is sent then, in every tab', async () => {
    const own = await newAdmin()
    const user = await createUser({ displayName: 'Before' })
    await open(`/users/${user.id}?tab=edit`, async (one, complaints) => {
      await one.clock.install()
      await one.reload()
      await signIn(one, own)
      await nameField(one).fill('After')
      const other = await one.context().newPage()
      await other.clock.install()
      await other.goto(`${mesh.url}/me`)
      await nameField(other).fill('Renamed')

      await endSessions(own.id)
      await one.clock.fastForward(beyondRenewal)
      // Sent at that very moment: a click would find the dialog in its way.
      await nameField(one).evaluate((input: HTMLInputElement) => input.form?.requestSubmit())
      const asked = one.getByRole('dialog', { name: en.account.endedTitle })
      await asked.waitFor()
      await other.getByRole('dialog', { name: en.account.endedTitle }).waitFor()
      expect(await violationsOf(one)).toEqual([])
      // It is no dialog to be closed: the page below would do nothing.
      await one.keyboard.press('Escape')
      await asked.getByLabel(en.account.password, { exact: true }).fill('not the password')
      await asked.getByRole('button', { name: en.account.signIn, exact: true }).click()
      await asked.getByText(en.problem.reason.BAD_CREDENTIALS.what).waitFor()
      await asked.getByLabel(en.account.password, { exact: true }).fill(password)
      await asked.getByRole('button', { name: en.account.signIn, exact: true }).click()

      await button(one, en.users.edit).waitFor()
      expect(await get(user.id)).toMatchObject({ displayName: 'After' })
      await other.getByRole('dialog', { name: en.account.endedTitle }).waitFor({ state: 'detached' })
      expect(await nameField(other).inputValue()).toBe('Renamed')
      await button(other, en.common.save).click()
      await other.getByText(en.account.profileSaved).waitFor()
      expect(complaints).toEqual([])
    })
  })

  test('that is left is left in every tab, with nothing to be seen any more', async () => {
    const own = await newAdmin()
    await open('/users', async one => {
      await signIn(one, own)
      await one.getByRole('grid').waitFor()
      const other = await one.context().newPage()
      await other.goto(`${mesh.url}/users`)
      await other.getByRole('grid').waitFor()
      await one.getByRole('button', { name: en.nav.account.replace('{{name}}', '') }).click()
      await one.getByRole('button', { name: en.nav.signOut }).click()
      await one.getByLabel(en.account.password, { exact: true }).waitFor()
      await other.waitForURL(/\/login/)
      await other.getByRole('grid').waitFor({ state: 'detached' })
    })
  })
})

test('the first admin is asked for a password of their own, and may put it off', async () => {
  await open('/', async page => {
    await signIn(page, mesh.admin)
    await page.getByText(en.account.generated).waitFor()
    await button(page, en.account.later).click()
    await page.getByText(en.account.generated).waitFor({ state: 'detached' })
  })
})

describe('for everybody', () => {
  const pages = async () => {
    const user = await createUser({ displayName: '김철수', profile: { company: 'Example' } })
    return [
      '/users',
      `/users/${user.id}`,
      `/users/${user.id}?tab=edit`,
      `/users/${user.id}?tab=sessions`,
      '/users/new',
      '/me',
    ]
  }

  test.each(['light', 'dark'] as const)('axe finds nothing in the %s theme', async colorScheme => {
    for (const path of await pages()) {
      await open(
        path,
        async page => {
          await signIn(page, mesh.admin)
          await page.getByRole('heading', { level: 1 }).waitFor()
          await page.locator('[aria-busy="true"]').first().waitFor({ state: 'detached' })
          expect(await violationsOf(page), path).toEqual([])
        },
        { colorScheme },
      )
    }
  })

  test('no English is left in Korean', async () => {
    for (const path of await pages()) {
      await open(
        path,
        async page => {
          await signIn(page, mesh.admin, ko)
          await page.getByRole('heading', { level: 1 }).waitFor()
          await page.locator('[aria-busy="true"]').first().waitFor({ state: 'detached' })
          const words = await page.locator('body').innerText()
          for (const text of [...sentences(en.users), ...sentences(en.account)]) expect(words, path).not.toContain(text)
        },
        { locale: 'ko-KR' },
      )
    }
  })
})

/** The texts long enough to be no name, and without values to fill in. */
function sentences(tree: object): string[] {
  return Object.values(tree).flatMap(value =>
    typeof value === 'string' ? (/^[^{]{8,}$/.test(value) ? [value] : []) : sentences(value),
  )
}
