/** `npm test`: every test there is, the ones on real engines included. Arguments go on to vitest, such as `--project unit`. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type EngineName, engines, findEngines } from '../mesh/engines.ts'
import { MeshError } from '../mesh/errors.ts'
import { homeOf, root } from '../mesh/home.ts'
import { prepare } from '../mesh/prepare.ts'

/**
 * Runs a script to its end, handing on signals.
 * @param options aside: what it prints is held back.
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
  // The tests on a mesh mostly wait for it: the others take the time that this leaves.
  const others = async () => {
    const browser = await vitest(['--project', 'browser'], true)
    const unit = await vitest(['--project', 'unit', '--maxWorkers=1'], true)
    return { code: browser.code || unit.code, output: browser.output + unit.output }
  }
  const [mesh, rest] = await Promise.all([vitest(['--project', 'mesh']), others()])
  process.stdout.write(rest.output)
  process.exit(mesh.code || rest.code)
} catch (error) {
  if (!(error instanceof MeshError)) throw error
  console.error(`site11: ${error.message}`)
  process.exit(1)
}
