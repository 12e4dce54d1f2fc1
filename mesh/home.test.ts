import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { fileError, MeshError } from './errors.ts'
import { createHome, homeOf } from './home.ts'

test('a home is made with all folders above it, for this user alone', () => {
  const folder = mkdtempSync(join(tmpdir(), 'site11-home-'))
  const home = homeOf({ SITE11_HOME: join(folder, 'a/b') })
  createHome(home)
  createHome(home)
  for (const path of [home.folder, home.logs, home.mongodData]) expect(statSync(path).mode & 0o777).toBe(0o700)
  rmSync(folder, { recursive: true })
})

test('a home that cannot be made is named, with what to do', () => {
  const folder = mkdtempSync(join(tmpdir(), 'site11-home-'))
  writeFileSync(join(folder, 'file'), '')
  for (const path of [join(folder, 'file'), join(folder, 'file/home'), '/proc/nowhere/home']) {
    expect(() => createHome(homeOf({ SITE11_HOME: path }))).toThrow(MeshError)
    expect(() => createHome(homeOf({ SITE11_HOME: path }))).toThrow(path)
  }
  rmSync(folder, { recursive: true })
})

test('what the file system says is told in words, what it does not say is left as it is', () => {
  for (const code of ['ENOSPC', 'EACCES', 'EROFS', 'EDQUOT']) {
    expect(fileError(Object.assign(new Error(code), { code }), '/home')).toBeInstanceOf(MeshError)
  }
  const bug = new TypeError('bug')
  expect(fileError(bug, '/home')).toBe(bug)
})
