import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import { homeOf } from './home.ts'
import { duration, memoryMiB, problemsIn, renderStatus, renderSummary } from './status.ts'

test('durations are told in their two largest units', () => {
  expect([400, 59_000, 75_000, 3_660_000, 90_000_000].map(duration)).toEqual(['0s', '59s', '1m 15s', '1h 1m', '1d 1h'])
})

test('the memory of a process is known, that of none is not', () => {
  expect(memoryMiB(process.pid)).toBeGreaterThan(10)
  expect(memoryMiB(2 ** 30)).toBeUndefined()
})

test('the table gives each process its state as a word, and below it what is wrong', () => {
  const text = renderStatus(
    {
      url: 'http://localhost:8000',
      home: '/home',
      health: { ok: false, detail: 'users: no healthy instance' },
      processes: [
        {
          name: 'mongod',
          state: 'healthy',
          address: '127.0.0.1:8017',
          pid: 12,
          startedAt: 0,
          restarts: 0,
          rssMiB: 120,
        },
        { name: 'users-1', state: 'failing', address: '127.0.0.1:8100', restarts: 3, reason: 'ended with code 1' },
      ],
    },
    75_000,
  )
  expect(stripVTControlCharacters(text).split('\n')).toEqual([
    'NAME     STATE      PID  ADDRESS         UP      RESTARTS  MEMORY',
    'mongod   ● healthy  12   127.0.0.1:8017  1m 15s  0         120 MiB',
    'users-1  ✕ failing  -    127.0.0.1:8100  -       3         -',
    '',
    'users-1: ended with code 1',
    '✕ not healthy  users: no healthy instance',
  ])
})

test('the password of the first admin is shown at the first start only', () => {
  const folder = mkdtempSync(join(tmpdir(), 'site11-status-'))
  const home = homeOf({ SITE11_HOME: folder })
  writeFileSync(home.admin, JSON.stringify({ email: 'admin@site11.local', password: 'correct horse' }))
  const mesh = { home, publicUrl: 'http://localhost:8000', startedMs: 4200, detached: false }
  expect(renderSummary({ ...mesh, showPassword: true })).toContain('correct horse')
  const later = renderSummary({ ...mesh, showPassword: false })
  expect(later).not.toContain('correct horse')
  expect(later).toContain(home.admin)
  rmSync(folder, { recursive: true })
})

test('tells what is wrong in a line, without the parts that are well', () => {
  const report = {
    status: 'degraded',
    services: [
      {
        name: 'users',
        status: 'degraded',
        reason: '',
        instances: [
          { name: 'users-1', status: 'healthy', reason: '' },
          { name: 'users-2', status: 'failing', reason: 'no answer within 2 s' },
        ],
      },
    ],
    dependencies: [{ name: 'mongodb', status: 'healthy', reason: '' }],
    proxies: [],
    problems: [],
  }
  expect(problemsIn(JSON.stringify(report))).toBe('users is degraded; users-2 is failing: no answer within 2 s')
  expect(problemsIn('upstream connect error')).toBe('upstream connect error')
})
