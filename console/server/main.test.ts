import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'

/** Runs the Console as it is run, with this environment. */
function run(env: Record<string, string>): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts')], {
    env: { PATH: process.env.PATH, ...env },
  })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', chunk => {
    stderr += chunk
  })
  return new Promise(resolve => child.once('close', code => resolve({ code, stderr })))
}

test('a malformed environment ends it with what is wrong, and no stack', async () => {
  const { code, stderr } = await run({ SITE11_LISTEN: 'nowhere' })
  expect(code).toBe(1)
  expect(stderr).toContain('SITE11_LISTEN')
  expect(stderr).toContain('SITE11_SECRET_KEY')
  expect(stderr).not.toMatch(/^\s+at /m)
})
