import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { findBuild } from './builds.ts'
import { Refused } from './errors.ts'

const folder = mkdtempSync(join(tmpdir(), 'site11-builds-'))
afterAll(() => rmSync(folder, { recursive: true }))

function checkout(name: string, path: string, service: string, version: string): string {
  const own = join(folder, name, path)
  mkdirSync(own, { recursive: true })
  writeFileSync(join(own, 'package.json'), JSON.stringify({ version, site11: { service } }))
  writeFileSync(join(own, 'main.ts'), '')
  return join(folder, name)
}
const here = checkout('here', 'services/users', 'users', '0.1.0')
const there = checkout('there', 'services/people', 'users', '0.2.0')
checkout('here', 'console/server', '', '0.1.0')

const find = (wanted: Partial<Parameters<typeof findBuild>[0]>) =>
  findBuild({ service: 'users', version: '', from: undefined, checkouts: [here, there], ...wanted })

test('without a word it is the one in use; with a version, the one that has it', () => {
  expect(find({})).toMatchObject({ checkout: here, version: '0.1.0' })
  expect(find({ version: '0.2.0' })).toMatchObject({ checkout: there, folder: join(there, 'services/people') })
})

test('a folder that is named is looked into, and nowhere else', () => {
  expect(find({ from: there })).toMatchObject({ version: '0.2.0' })
  expect(() => find({ from: there, version: '0.1.0' })).toThrow(/0\.2\.0, not 0\.1\.0/)
  expect(() => find({ from: folder })).toThrow(Refused)
  expect(() => find({ from: join(folder, 'nowhere') })).toThrow(/nowhere/)
})

test('a version that is nowhere is refused with those that there are', () => {
  expect(() => find({ version: '9.9.9' })).toThrow(/9\.9\.9.*0\.1\.0, 0\.2\.0/)
})

test('a checkout of before that is gone, or damaged, is passed over; one that is named is not', () => {
  const damaged = checkout('damaged', 'services/users', 'users', '0.3.0')
  writeFileSync(join(damaged, 'services/users/package.json'), '{')
  expect(find({ version: '0.2.0', checkouts: [damaged, join(folder, 'gone'), there] })).toMatchObject({
    checkout: there,
  })
  expect(() => find({ from: damaged })).toThrow(Refused)
})

test('the Console is where it always is', () => {
  expect(find({ service: 'console' })).toMatchObject({ folder: join(here, 'console/server'), version: '0.1.0' })
})
