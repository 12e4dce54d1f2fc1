/** `npm test`: every test there is, the ones on real engines included. Arguments go on to vitest, such as `--project unit`. */
import { spawn } from 'node:child_process'
import { setPriority } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type EngineName, engines, findEngines } from '../mesh/engines.ts'
import { MeshError } from '../mesh/errors.ts'
import { homeOf, root } from '../mesh/home.ts'
import { prepare } from '../mesh/prepare.ts'

/**
 * Runs a script to its end, handing on signals.
 * @param options aside: after all others that want the processors, and what it prints is held back.
 * @returns its exit code, and what was held back.
 */
async function run(
  script: string,
  args: string[],
  { env = process.env, aside = false } = {},
): Promise<{ code: number; output: string }> {
  const child = spawn(process.execPath, [join(root, script), ...args], {
    cwd: root,
    env,
    stdio: ['inherit', aside ? 'pipe' : 'inherit', 'inherit'],
  })
  if (aside && child.pid) setPriority(child.pid, 5)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal))
  const ended = new Promise<number>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', code => resolve(code ?? 1))
  })
  const [output, code] = await Promise.all([child.stdout ? text(child.stdout) : '', ended])
  return { code, output }
}

try {
  const say = (text: string) => console.error(`site11: ${text}`)
  const { signal } = new AbortController()
  // Here and not by each mesh: they start at the same time.
  await prepare(say, signal)
  const paths = await findEngines(homeOf(process.env).engines, process.env, say, signal)
  const named = Object.entries(paths).map(([name, path]) => [engines[name as EngineName].environment, path])
  const env = { ...process.env, ...Object.fromEntries(named) }
  const vitest = (args: string[], aside = false) =>
    run('node_modules/vitest/vitest.mjs', ['run', ...args], { env, aside })
  const args = process.argv.slice(2)
  if (args.length > 0) process.exit((await vitest(args)).code)
  const project = (name: string) => ['--project', name]
  const unit = await vitest([...project('unit'), '--maxWorkers=2'])
  const load = await vitest(project('load'))
  // Together, as they mostly wait.
  const [mesh, browser] = await Promise.all([vitest(project('mesh')), vitest(project('browser'), true)])
  process.stdout.write(browser.output)
  process.exit([unit, load, mesh, browser].find(({ code }) => code !== 0)?.code ?? 0)
} catch (error) {
  if (!(error instanceof MeshError)) throw error
  console.error(`site11: ${error.message}`)
  process.exit(1)
}
