/**
 * `npm run check`: everything that can be said of the code without running it. Stops at nothing, so that one run names every problem.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

const root = join(import.meta.dirname, '..')
const bin = (name: string) => join(root, 'node_modules/.bin', name)

const checks: [what: string, run: () => boolean][] = [
  ['generate', () => run(process.execPath, 'proto/generate.ts')],
  ['format and lint (biome)', () => run(bin('biome'), 'ci', '--log-level=warn')],
  ['types (tsc)', () => run(bin('tsc'), '--noEmit', '-p', '.')],
  ['contracts (buf lint)', () => run(bin('buf'), 'lint')],
  ['policies of methods, widgets of services', () => run(process.execPath, 'tools/check-policies.ts')],
  ['compatible contracts (buf breaking)', breaking],
  ['unused files, exports and dependencies (knip)', () => run(bin('knip'), '--no-progress')],
  ['size of the dashboard', () => run(process.execPath, 'console/web/check-size.ts')],
]

const failed = checks.filter(([what, check]) => {
  const started = performance.now()
  const passed = check()
  console.log(`${passed ? 'ok    ' : 'FAILED'} ${what} (${Math.round(performance.now() - started)} ms)`)
  return !passed
})
console.log(`check: ${checks.length - failed.length} passed, ${failed.length} failed`)
process.exitCode = failed.length > 0 ? 1 : 0

function run(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] }).status === 0
}

/** Compares the contracts with those of the latest release (tag v*), or with the last commit while there is no release. */
function breaking(): boolean {
  const base =
    git('describe', '--tags', '--abbrev=0', '--match', 'v*') || git('rev-parse', '--verify', '--quiet', 'HEAD')
  const files = base ? git('ls-tree', '-r', '--name-only', base, 'proto/site11').split('\n').filter(Boolean) : []
  if (files.length === 0) return true
  const before = mkdtempSync(join(tmpdir(), 'site11-contracts-'))
  try {
    for (const file of files) {
      mkdirSync(dirname(join(before, file)), { recursive: true })
      writeFileSync(join(before, file), execFileSync('git', ['show', `${base}:${file}`], { cwd: root }))
    }
    cpSync(join(root, 'proto/gen/third_party'), join(before, 'proto/gen/third_party'), { recursive: true })
    cpSync(join(root, 'buf.yaml'), join(before, 'buf.yaml'))
    return run(bin('buf'), 'breaking', '--against', before)
  } finally {
    rmSync(before, { recursive: true })
  }
}

/** @returns what git says, or nothing where it fails (no such tag, no checkout). */
function git(...args: string[]): string {
  const { status, stdout } = spawnSync('git', args, { cwd: root, encoding: 'utf8' })
  return status === 0 ? stdout.trim() : ''
}
