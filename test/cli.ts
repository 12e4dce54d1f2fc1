/** The commands of the mesh, run as an operator runs them. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '..')

export interface Ended {
  code: number
  stdout: string
  stderr: string
}

/** Settings of the operator's own mesh must not reach that of the tests; which engines to use may. */
const kept = ['SITE11_ENVOY', 'SITE11_MONGOD', 'SITE11_REDIS_SERVER']

/** @returns the environment for a command of the mesh with these settings and no others. */
export function meshEnv(settings: Record<string, string>): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('SITE11_') || kept.includes(name))
  return { ...Object.fromEntries(inherited), NO_COLOR: '1', ...settings }
}

const { scripts }: { scripts: Record<string, string> } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

/** @returns what `npm start -- <args>` says, and its exit code. */
export const startCommand = (args: string[], settings: Record<string, string>) => run('start', args, settings)

/** @returns what `npm run mesh -- <args>` says, and its exit code. */
export const meshCommand = (args: string[], settings: Record<string, string>) => run('mesh', args, settings)

/** Runs a script of package.json to its end, as npm does but without npm's second of its own. */
function run(script: string, args: string[], settings: Record<string, string>): Promise<Ended> {
  // exec node <script> <arguments>
  const [, , ...words] = (scripts[script] ?? '').split(' ')
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...words, ...args], {
      cwd: root,
      env: meshEnv(settings),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const ended: Ended = { code: -1, stdout: '', stderr: '' }
    child.stdout.on('data', chunk => {
      ended.stdout += chunk
    })
    child.stderr.on('data', chunk => {
      ended.stderr += chunk
    })
    child.on('error', reject)
    child.on('close', code => resolve({ ...ended, code: code ?? -1 }))
  })
}
