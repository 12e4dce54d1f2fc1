import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { askControl, serveControl, socketPath, watchControl } from './control.ts'
import { MeshError } from './errors.ts'

let folder: string
let control: { close: () => void } | undefined
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'site11-control-'))
})
afterEach(() => {
  control?.close()
  rmSync(folder, { recursive: true, force: true })
})

test('a question gets its answer, over a socket that only this user can open', async () => {
  const path = join(folder, 'mesh.sock')
  control = await serveControl(path, { '/echo': async body => ({ got: body }) })
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(await askControl(path, '/echo', { name: '사용자' })).toEqual({ got: { name: '사용자' } })
})

test('a refusal reaches the asker as its sentence', async () => {
  const path = join(folder, 'mesh.sock')
  const refuse = async () => {
    throw new MeshError('There is no "x". There are: users.')
  }
  control = await serveControl(path, { '/restart': refuse })
  await expect(askControl(path, '/restart')).rejects.toThrow('There is no "x". There are: users.')
  await expect(askControl(path, '/unknown')).rejects.toThrow(MeshError)
})

test('what goes on comes line by line, an error in the middle of it too, and ends for the mesh when its reader leaves', async () => {
  const path = join(folder, 'mesh.sock')
  const left = Promise.withResolvers<void>()
  control = await serveControl(path, {
    '/count': ({ to }, signal) =>
      (async function* () {
        signal.addEventListener('abort', () => left.resolve())
        for (let n = 1; n <= Number(to); n++) yield { n, text: '가'.repeat(n) }
        if (Number(to) === 3) throw new MeshError('No more than three.')
        if (Number(to) === 0) throw new MeshError('Nothing to count.')
      })(),
  })
  const counted: unknown[] = []
  const count = async (to: number) => {
    for await (const each of watchControl(path, '/count', { to }, new AbortController().signal)) counted.push(each)
  }
  await count(2)
  expect(counted).toEqual([
    { n: 1, text: '가' },
    { n: 2, text: '가가' },
  ])
  await expect(count(3)).rejects.toThrow('No more than three.')
  expect(counted).toHaveLength(5)
  await expect(count(0)).rejects.toThrow('Nothing to count.')
  const leaving = new AbortController()
  for await (const _ of watchControl(path, '/count', { to: 1e9 }, leaving.signal)) {
    leaving.abort()
    break
  }
  await left.promise
})

test('when nobody listens, that is said', async () => {
  await expect(askControl(join(folder, 'mesh.sock'), '/status')).rejects.toThrow(MeshError)
})

test('a home too deep for a unix socket gets a short private path, which goes when the mesh goes', async () => {
  const path = socketPath(join(folder, 'x'.repeat(200), 'mesh.sock'))
  expect(path.length).toBeLessThan(104)
  expect(statSync(dirname(path)).mode & 0o777).toBe(0o700)
  const short = await serveControl(path, { '/ping': async () => ({}) })
  await askControl(path, '/ping')
  short.close()
  expect(existsSync(dirname(path))).toBe(false)
})

test('whatever the home is called, closing leaves it and what is in it', async () => {
  const home = mkdtempSync(join(tmpdir(), 'site11-socket-'))
  try {
    writeFileSync(join(home, 'secrets.json'), '{}')
    const opened = await serveControl(socketPath(join(home, 'mesh.sock')), {})
    opened.close()
    expect(existsSync(join(home, 'secrets.json'))).toBe(true)
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
})
