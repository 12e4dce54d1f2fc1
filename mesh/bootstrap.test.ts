import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test } from 'vitest'

/** A clone in small: the bootstrap, a lock file, and an npm that only tells that it was asked. */
let clone: string
beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), 'site11-clone-'))
  mkdirSync(join(clone, 'mesh'))
  cpSync(join(import.meta.dirname, 'bootstrap.mjs'), join(clone, 'mesh/bootstrap.mjs'))
  lock({ 'node_modules/a': { version: '1.0.0' }, 'node_modules/only-elsewhere': { version: '1.0.0', optional: true } })
  writeFileSync(
    join(clone, 'npm-cli.js'),
    `const fs = require('node:fs'), at = process.cwd()
    fs.appendFileSync(at + '/npm-was-asked', process.argv[2] + '\\n')
    if (fs.existsSync(at + '/no-network')) process.exit(1)
    fs.mkdirSync(at + '/node_modules', { recursive: true })
    const { packages } = JSON.parse(fs.readFileSync(at + '/package-lock.json'))
    delete packages['node_modules/only-elsewhere']
    fs.writeFileSync(at + '/node_modules/.package-lock.json', JSON.stringify({ packages }))`,
  )
})
afterEach(() => rmSync(clone, { recursive: true }))

function lock(packages: object) {
  writeFileSync(join(clone, 'package-lock.json'), JSON.stringify({ packages: { '': {}, ...packages } }))
}

function script(code: string): string {
  writeFileSync(join(clone, 'script.ts'), code)
  return 'script.ts'
}

const start = (...args: string[]) =>
  spawn(process.execPath, [join(clone, 'mesh/bootstrap.mjs'), ...args], {
    env: { ...process.env, npm_execpath: join(clone, 'npm-cli.js') },
    stdio: ['ignore', 'pipe', 'pipe'],
  })

async function run(...args: string[]) {
  const child = start(...args)
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  return { stdout, stderr, code }
}

const asked = () => readFileSync(join(clone, 'npm-was-asked'), 'utf8').trim().split('\n')

test('packages are installed when there are none or the lock file asks for others, else not', async () => {
  const hello = script('const name: string = process.argv[2] ?? ""; console.log("hello", name)')
  expect(await run(hello, 'world')).toMatchObject({ stdout: 'hello world\n', code: 0 })
  expect(asked()).toEqual(['ci'])
  await run(hello)
  expect(asked()).toEqual(['ci'])
  lock({ 'node_modules/a': { version: '1.0.1' } })
  await run(hello)
  expect(asked()).toEqual(['ci', 'ci'])
})

test('when npm fails, nothing runs and one sentence says so', async () => {
  writeFileSync(join(clone, 'no-network'), '')
  const { code, stdout, stderr } = await run(script('console.log("ran")'))
  expect(code).toBe(1)
  expect(stdout).toBe('')
  expect(stderr).toContain('npm ci failed')
})

test('the exit code of the script is passed on, and without a script usage is shown', async () => {
  expect((await run(script('process.exit(7)'))).code).toBe(7)
  expect((await run()).code).toBe(1)
})

test('SIGTERM and, without a terminal, SIGINT reach the script, which ends in its own time', async () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const child = start(
      script(
        `process.on('${signal}', () => setTimeout(() => process.exit(5), 50)); setInterval(() => {}, 1e6); console.log('up')`,
      ),
    )
    await once(child.stdout, 'data')
    child.kill(signal)
    expect((await once(child, 'exit'))[0]).toBe(5)
  }
})

test('the script finds Node 24 and the tools of the packages first on its PATH', async () => {
  const { stdout } = await run(script('console.log(process.env.PATH)'))
  const [node, tools] = stdout.split(':')
  expect(process.execPath.startsWith(node ?? '?')).toBe(true)
  expect(tools).toBe(join(clone, 'node_modules/.bin'))
})
