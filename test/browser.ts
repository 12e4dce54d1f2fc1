import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import bundled from '@sparticuz/chromium'
import axe from 'axe-core'
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from 'playwright-core'
import { afterAll } from 'vitest'
import { en } from '../console/web/src/i18n/en.ts'
import { mesh } from './api.ts'

let launched: Promise<Browser> | undefined
afterAll(async () => (await launched)?.close())

/**
 * Opens a page in a browser that knows nothing yet; whatever it complains of is in `complaints`. All of a test file share one browser,
 * none its memory.
 */
export async function open(
  path: string,
  during: (page: Page, complaints: string[]) => Promise<void>,
  options: BrowserContextOptions = {},
): Promise<void> {
  launched ??= launchBrowser()
  const browser = await launched
  const context = await browser.newContext({ locale: 'en-GB', ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(30_000)
  const complaints: string[] = []
  page.on('console', message => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('pageerror', error => complaints.push(String(error)))
  page.on('request', request => {
    if (!/^(data|blob):/.test(request.url()) && new URL(request.url()).origin !== mesh.url)
      complaints.push(`asks ${request.url()}`)
  })
  try {
    await page.goto(`${mesh.url}${path}`)
    await during(page, complaints)
  } finally {
    await context.close()
  }
}

/** @param words of the language that the page is in. */
export async function signIn(
  page: Page,
  { email, password }: { email: string; password: string },
  { account }: { account: Record<'email' | 'password' | 'signIn', string> } = en,
): Promise<void> {
  await page.getByLabel(account.email).fill(email)
  await page.getByLabel(account.password, { exact: true }).fill(password)
  await page.getByRole('button', { name: account.signIn }).click()
}

/** Waits until it stands somewhere on the page; menus hold the same words unseen. */
export const seen = (words: Locator) => words.filter({ visible: true }).first().waitFor()

/** @returns what axe finds wrong with the page as it is: the rule and the elements, one in a line. */
export async function violationsOf(page: Page): Promise<string[]> {
  await page.evaluate(axe.source)
  const violations = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: typeof import('axe-core') }
    return (await axe.run()).violations
  })
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target} ${failureSummary}`),
  )
}

/** @returns a real Chromium without a window: the one that SITE11_CHROMIUM names, else the one on PATH, else the one from npm. */
export async function launchBrowser(): Promise<Browser> {
  const own = process.env.SITE11_CHROMIUM || onPath(['chromium', 'chromium-browser', 'google-chrome'])
  return chromium.launch({
    executablePath: own ?? (await bundled.executablePath()),
    // Within a container there is no other sandbox to have; the pages are our own. The rest keeps it from calling home.
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

function onPath(names: string[]): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return names.flatMap(name => folders.map(folder => join(folder, name))).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
