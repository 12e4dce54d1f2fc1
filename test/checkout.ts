/** Other builds of a service, as checkouts of the project of which only that service differs. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from './cli.ts'

export interface Checkout {
  folder: string
  remove(): void
}

/**
 * @param edit what is written in its main.ts instead of what, each of which must be there.
 * @returns a checkout with this version of Users.
 */
export function checkoutOf(version: string, edit: Record<string, string> = {}): Checkout {
  const folder = mkdtempSync(join(tmpdir(), 'site11-checkout-'))
  const own = join(folder, 'services/users')
  mkdirSync(join(folder, 'services'))
  cpSync(join(root, 'services/users'), own, { recursive: true })
  for (const shared of ['node_modules', 'proto', 'package.json']) symlinkSync(join(root, shared), join(folder, shared))
  change(join(own, 'package.json'), { '"version": "0.1.0"': `"version": "${version}"` })
  change(join(own, 'main.ts'), edit)
  return { folder, remove: () => rmSync(folder, { recursive: true }) }
}

function change(file: string, edit: Record<string, string>) {
  let text = readFileSync(file, 'utf8')
  for (const [from, to] of Object.entries(edit)) {
    if (!text.includes(from)) throw new Error(`${file} has no ${from}`)
    text = text.replace(from, to)
  }
  writeFileSync(file, text)
}
