/**
 * node mesh/bootstrap.mjs <script.ts> [args]: runs a script of this repository on Node 24 with the packages of package-lock.json.
 * The npm scripts run it by `exec`: a shell in between would keep npm's signals to itself.
 * Plain JavaScript, and it imports nothing but Node: it is what an older Node and a clone without node_modules must be able to run.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')
const major = Number(process.versions.node.split('.')[0])

/** @param {string} sentence what is wrong and what to do
 *  @returns {never} */
function refuse(sentence) {
  console.error(`site11: ${sentence}`)
  process.exit(1)
}

/** True when node_modules holds exactly what package-lock.json asks for, by npm's own record of its last completed install. */
function isInstalled() {
  const record = join(root, 'node_modules/.package-lock.json')
  if (!existsSync(record)) return false
  const installed = JSON.parse(readFileSync(record, 'utf8')).packages
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages
  return Object.entries(wanted).every(([path, { version, optional }]) => {
    if (path === '') return true
    const found = installed[path]
    return found ? found.version === version : optional === true
  })
}

function install() {
  console.error('site11: installing packages (npm ci), about a minute the first time')
  // npm names itself in npm_execpath when it runs this; else take the one beside this Node, else the one on PATH.
  const own = process.env.npm_execpath ?? ''
  const beside = join(dirname(process.execPath), 'npm')
  const [command, ...first] = own.endsWith('npm-cli.js')
    ? [process.execPath, own]
    : [existsSync(beside) ? beside : 'npm']
  // npm's words go to stderr: stdout belongs to the script.
  const { status, error } = spawnSync(command, [...first, 'ci', '--loglevel=error'], {
    cwd: root,
    stdio: ['inherit', 2, 2],
  })
  if (error)
    refuse('npm is not on this machine. Install Node 24 with npm (https://nodejs.org) and run the command again.')
  if (status !== 0) refuse('npm ci failed (its own message is above). Mend that and run the command again.')
}

function findNode() {
  if (major >= 24) return process.execPath
  const packaged = join(root, `node_modules/node-${process.platform}-${process.arch}/bin/node`)
  if (existsSync(packaged)) return packaged
  return refuse(
    `Node 24 is needed, this is ${process.version}, and npm has none for ${process.platform}-${process.arch}. Install it (https://nodejs.org) and run the command again.`,
  )
}

const [script, ...args] = process.argv.slice(2)
if (major < 20) refuse(`Node 20 or newer is needed, this is ${process.version}. Install Node 24 (https://nodejs.org).`)
if (!script) refuse('which script? Usage: node mesh/bootstrap.mjs <script.ts> [args]')
if (!isInstalled()) install()

const node = findNode()
const path = [dirname(node), join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter)
// Compiled code is kept: a process that finds it starts sooner and, needing no TypeScript compiler, is 20 MB smaller.
const cache = join(root, 'node_modules/.cache/site11/compiled')
const env = { ...process.env, PATH: path, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE || cache }
const child = spawn(node, [script, ...args], { cwd: root, stdio: 'inherit', env })
child.on('error', error => refuse(`${node} could not be started: ${error.message}`))
child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]))

// A terminal sends Ctrl-C to the whole group, so the script has it already; a second one could mean "at once" to it.
process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'))
process.on('SIGTERM', () => child.kill('SIGTERM'))
process.on('SIGHUP', () => child.kill('SIGHUP'))
