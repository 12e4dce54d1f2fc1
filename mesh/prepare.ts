import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, globSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { engineEnv } from './environment.ts'
import { MeshError } from './errors.ts'
import { root } from './home.ts'

type Say = (text: string) => void

/**
 * Brings up to date what is derived from sources: generated code, then the dashboard. Quick when nothing changed. Throws MeshError;
 * not for a dashboard that cannot be built: the services work without it.
 */
export async function prepare(say: Say, signal: AbortSignal): Promise<void> {
  await run([join(root, 'proto/generate.ts')], root, 'Generating code from the contracts', signal)
  try {
    await buildDashboard(say, signal)
  } catch (error) {
    if (signal.aborted || !(error instanceof MeshError)) throw error
    say(`${error.message} The mesh goes on without a new dashboard.`)
  }
}

async function buildDashboard(say: Say, signal: AbortSignal) {
  const web = join(root, 'console/web')
  if (globSync('vite.config.*', { cwd: web }).length === 0) return
  const sources = [
    ...globSync('**/*', { cwd: web, exclude: ['node_modules/**', 'dist/**'] }).map(path => join('console/web', path)),
    // Stands for all generated code, and for package-lock.json.
    'proto/gen/fingerprint',
  ]
  const fingerprint = fingerprintOf(sources)
  const stamp = join(root, 'node_modules/.cache/site11/dashboard')
  if (existsSync(join(web, 'dist/index.html')) && existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint)
    return
  say('building the dashboard')
  await run(
    [join(root, 'node_modules/vite/bin/vite.js'), 'build', '--logLevel', 'warn'],
    web,
    'Building the dashboard',
    signal,
  )
  mkdirSync(dirname(stamp), { recursive: true })
  writeFileSync(stamp, fingerprint)
}

/** One hash of the names and contents of files, given relative to the repository. */
function fingerprintOf(files: string[]): string {
  const hash = createHash('sha256')
  for (const file of files.toSorted()) {
    const path = join(root, file)
    if (statSync(path).isFile()) hash.update(`${file}\0`).update(readFileSync(path)).update('\0')
  }
  return hash.digest('hex')
}

/** Runs a script quietly; its output is shown when it fails. */
function run(args: string[], cwd: string, what: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd,
      // Tests set another one, with which the dashboard would be built for its developers.
      env: { ...engineEnv(process.env), NODE_ENV: 'production' },
      signal,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    const collect = (chunk: Buffer) => {
      output += chunk
    }
    child.stdout.on('data', collect)
    child.stderr.on('data', collect)
    child.on('error', error => reject(new MeshError(`${what} failed: ${error.message}`)))
    child.on('close', code => {
      if (code === 0) return resolve()
      process.stderr.write(output)
      reject(new MeshError(`${what} failed with code ${code} (its own message is above).`))
    })
  })
}
