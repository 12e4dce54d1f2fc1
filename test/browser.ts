import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import bundled from '@sparticuz/chromium'
import { type Browser, chromium } from 'playwright-core'

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
