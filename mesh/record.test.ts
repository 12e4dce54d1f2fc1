import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { claimRecord, endOrphans, identityOf, isAlive, type MeshRecord, readRecord, writeRecord } from './record.ts'

let folder: string
let file: string
const children: ChildProcess[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'site11-record-'))
  file = join(folder, 'mesh.json')
})
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  rmSync(folder, { recursive: true })
})

async function child(code: string): Promise<ChildProcess & { pid: number }> {
  const started = spawn(process.execPath, ['-e', `${code}; console.log('up')`], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  children.push(started)
  await once(started.stdout, 'data')
  return started as ChildProcess & { pid: number }
}

const forEver = 'setInterval(() => {}, 1e6)'
const record: MeshRecord = { supervisor: identityOf(process.pid), edgePort: 8000, socket: '/s', processes: [] }

test('a process is alive until it ends, and is not mistaken for another one of its pid', async () => {
  const { pid } = await child(forEver)
  const identity = identityOf(pid)
  expect(isAlive(identity)).toBe(true)
  expect(isAlive({ pid, started: 'another time' })).toBe(false)
  expect(await endOrphans({ ...record, processes: [{ name: 'x', ...identity }] })).toHaveLength(1)
  expect(isAlive(identity)).toBe(false)
})

test('orphans are ended even when they do not listen to SIGTERM, strangers are left alone', async () => {
  const stubborn = await child(`process.on('SIGTERM', () => {}); ${forEver}`)
  const stranger = await child(forEver)
  const ended = await endOrphans(
    {
      ...record,
      processes: [
        { name: 'stubborn', ...identityOf(stubborn.pid) },
        { name: 'stranger', pid: stranger.pid, started: 'another time' },
      ],
    },
    200,
  )
  expect(ended.map(({ pid }) => pid)).toEqual([stubborn.pid])
  expect(isAlive(identityOf(stranger.pid))).toBe(true)
})

test('a home is claimed by one of two', () => {
  expect(claimRecord(file, record)).toBe(true)
  expect(claimRecord(file, { ...record, edgePort: 9000 })).toBe(false)
  expect(readRecord(file)).toEqual(record)
  expect(statSync(file).mode & 0o777).toBe(0o600)
})

test('a record is replaced as a whole, and one that cannot be understood is none', () => {
  writeRecord(file, { ...record, edgePort: 9000 })
  expect(readRecord(file)?.edgePort).toBe(9000)
  writeFileSync(file, '{"supervisor":')
  expect(readRecord(file)).toBeUndefined()
})
