import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'

/** @returns a real Chromium without a window: the one that SITE11_CHROMIUM names, else the one on PATH. */
export function launchChromium(): Promise<Browser> {
  const folders = (process.env.PATH ?? '').split(delimiter)
  const onPath = ['chromium', 'chromium-browser', 'google-chrome'].flatMap(name => folders.map(at => join(at, name)))
  const executablePath = process.env.SITE11_CHROMIUM || onPath.find(existsSync)
  if (!executablePath) throw new Error('There is no Chromium on PATH. Name one in SITE11_CHROMIUM.')
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--no-first-run'] })
}
