import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { MeshError } from './errors.ts'
import { loadSecrets, operatorTokenOf, serviceKeyOf } from './secrets.ts'

let folder: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'site11-secrets-'))
  file = join(folder, 'secrets.json')
})
afterEach(() => rmSync(folder, { recursive: true }))

test('secrets are made once, kept, and readable by their owner alone', () => {
  const first = loadSecrets(file, ['users'])
  expect(loadSecrets(file, ['users'])).toEqual(first)
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(Buffer.from(first.secretKey, 'base64')).toHaveLength(32)
})

test('no two secrets are alike', () => {
  const { joinToken, operatorToken, secretKey, redisPassword, mongo } = loadSecrets(file, ['users', 'console'])
  const all = [
    joinToken,
    operatorToken,
    secretKey,
    redisPassword,
    mongo.keyFile,
    mongo.adminPassword,
    ...Object.values(mongo.passwords),
  ]
  expect(new Set(all).size).toBe(8)
})

test('each service has a key of its own, the same at every start, which says nothing of that of the mesh', () => {
  const { secretKey } = loadSecrets(file, ['users'])
  const keys = ['statistics', 'users'].map(service => serviceKeyOf(loadSecrets(file, ['users']), service))
  expect(keys).toEqual(['statistics', 'users'].map(service => serviceKeyOf({ secretKey }, service)))
  expect(new Set([secretKey, ...keys]).size).toBe(3)
  for (const key of keys) expect(Buffer.from(key, 'base64')).toHaveLength(32)
})

test('a new database owner gets a password, the others keep theirs', () => {
  const before = loadSecrets(file, ['users'])
  const after = loadSecrets(file, ['users', 'images'])
  expect(after.mongo.passwords.users).toBe(before.mongo.passwords.users)
  expect(after.mongo.passwords.images).toBeTruthy()
  expect(after.joinToken).toBe(before.joinToken)
})

test('a file of an older version gets an operator token, and keeps the rest', () => {
  const { operatorToken: _, ...older } = loadSecrets(file, ['users'])
  writeFileSync(file, JSON.stringify(older))
  expect(() => operatorTokenOf(file)).toThrow(MeshError)
  const { operatorToken, ...kept } = loadSecrets(file, ['users'])
  expect(kept).toEqual(older)
  expect(operatorTokenOf(file)).toBe(operatorToken)
  expect(operatorToken.length).toBeGreaterThan(32)
})

test.each([
  ['no JSON', () => '{"joinToken":'],
  ['another shape', () => '[]'],
  ['a missing secret', (text: string) => JSON.stringify({ ...JSON.parse(text), joinToken: undefined })],
  ['an operator token too short', (text: string) => text.replace(/"operatorToken": ".*"/, '"operatorToken": "x"')],
  ['a key of another length', (text: string) => JSON.stringify({ ...JSON.parse(text), secretKey: 'c2hvcnQ=' })],
  ['a password too short', (text: string) => text.replace(/"users": ".*"/, '"users": "x"')],
  ['nothing', () => 'null'],
])('a file with %s stops the start, is left as it is, and no value of it is shown', (_, damage) => {
  const { redisPassword } = loadSecrets(file, ['users'])
  writeFileSync(file, damage(readFileSync(file, 'utf8')))
  const damaged = readFileSync(file, 'utf8')
  let problem: unknown
  try {
    loadSecrets(file, ['users', 'images'])
  } catch (error) {
    problem = error
  }
  expect(problem).toBeInstanceOf(MeshError)
  expect((problem as MeshError).message).toContain(file)
  expect((problem as MeshError).message).not.toContain(redisPassword)
  expect(readFileSync(file, 'utf8')).toBe(damaged)
})
