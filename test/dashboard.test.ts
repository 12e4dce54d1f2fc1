/** The dashboard in a real browser, as the edge serves it: under its strict policy, with the real services behind it. */
import { describe, expect, test } from 'vitest'
import { en } from '../console/web/src/i18n/en.ts'
import { createUser, newEmail, password, register } from './accounts.ts'
import { mesh } from './api.ts'
import { open, seen, signIn, violationsOf } from './browser.ts'
import { until } from './until.ts'

describe('the first admin', () => {
  test('signs in, sees a healthy mesh and the users, and stays signed in', async () => {
    const user = await createUser({ displayName: '김철수' })
    await open('/users', async (page, complaints) => {
      await signIn(page, mesh.admin)
      // Where one wanted to go before the login.
      await page.getByRole('heading', { name: en.users.title }).waitFor()
      await page.getByText(user.email).waitFor()
      await page.getByRole('link', { name: en.nav.overview }).click()
      await page.getByRole('heading', { level: 1, name: /^(Healthy )?All .* healthy/ }).waitFor()
      await page.reload()
      await page.getByRole('heading', { level: 1, name: /^(Healthy )?All .* healthy/ }).waitFor()
      expect(complaints).toEqual([])
    })
  })

  test('creates a user, whose errors stand at their fields', async () => {
    const email = newEmail()
    await open('/users', async (page, complaints) => {
      await signIn(page, mesh.admin)
      await page.getByRole('link', { name: en.users.create }).click()
      const form = page.getByRole('dialog')
      await form.getByLabel(en.account.email).fill(mesh.admin.email)
      await form.getByRole('button', { name: en.users.create }).click()
      await form.getByText(en.problem.reason.EMAIL_TAKEN.what).waitFor()
      await form.getByLabel(en.account.email).fill(email)
      await form.getByRole('button', { name: en.users.create }).click()
      await page.getByText(email).waitFor()
      expect(complaints).toEqual([])
    })
  })
})

describe('a new user', () => {
  test('registers, sees the own account and not the users', async () => {
    const email = newEmail()
    await open('/register', async (page, complaints) => {
      await page.getByLabel(en.account.email).fill(email)
      await page.getByLabel(en.account.password, { exact: true }).fill(password)
      await page.getByRole('button', { name: en.account.register }).click()
      await page.getByRole('button', { name: `Account of ${email}` }).waitFor()
      await page.goto(`${mesh.url}/me`)
      await seen(page.getByText(email))
      await page.goto(`${mesh.url}/users`)
      await page.getByText(en.problem.reason.SCOPE_MISSING.what).first().waitFor()
      expect(complaints).toEqual([])
    })
  })

  test('is told of a wrong password, and no more', async () => {
    const { email } = await register()
    await open('/login', async (page, complaints) => {
      await signIn(page, { email, password: 'not the password' })
      await page.getByText(en.problem.reason.BAD_CREDENTIALS.what).waitFor()
      expect(complaints).toEqual([])
    })
  })
})

describe('what services contribute', () => {
  test('a new user is counted on the Overview, which leads to the metric behind the figure', async () => {
    await open('/', async (page, complaints) => {
      await signIn(page, mesh.admin)
      const link = page.getByRole('link', { name: 'New users' })
      const shown = async () => {
        const figure = page.getByRole('listitem').filter({ has: link }).locator('b')
        return Number((await figure.innerText()).replaceAll(',', ''))
      }
      const before = await shown()
      await createUser()
      await until('one user more', async () => {
        await page.reload()
        return (await shown()) > before
      })
      expect(await violationsOf(page)).toEqual([])
      await link.click()
      await page.getByRole('region', { name: 'events' }).waitFor()
      const { searchParams } = new URL(page.url())
      expect(Object.fromEntries(searchParams)).toMatchObject({
        metric: 'events',
        agg: 'sum',
        span: '24h',
        filter: 'type = "site11.users.v1.UserCreated"',
      })
      expect(complaints).toEqual([])
    })
  })
})
