/** `npm test`: every test there is, the ones on real engines included. Arguments go on to vitest, such as `--project unit`. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { type EngineName, engines, findEngines } from '../mesh/engines.ts'
import { MeshError } from '../mesh/errors.ts'
import { homeOf, root } from '../mesh/home.ts'

/** Runs a script to its end, handing on signals. @returns its exit code. */
function run(script: string, args: string[], env: NodeJS.ProcessEnv = process.env): Promise<number> {
  const child = spawn(process.execPath, [join(root, script), ...args], { cwd: root, env, stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', code => resolve(code ?? 1))
  })
}

try {
  const generated = await run('proto/generate.ts', [])
  if (generated !== 0) process.exit(generated)
  const say = (text: string) => console.error(`site11: ${text}`)
  const paths = await findEngines(homeOf(process.env).engines, process.env, say, new AbortController().signal)
  const named = Object.entries(paths).map(([name, path]) => [engines[name as EngineName].environment, path])
  const env = { ...process.env, ...Object.fromEntries(named) }
  process.exit(await run('node_modules/vitest/vitest.mjs', ['run', ...process.argv.slice(2)], env))
} catch (error) {
  if (!(error instanceof MeshError)) throw error
  console.error(`site11: ${error.message}`)
  process.exit(1)
}
