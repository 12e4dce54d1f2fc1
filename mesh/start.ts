/**
 * `npm start [-- --detach]`. Apart from the other commands, and without their command line library, because this process stays: it
 * is the supervisor.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { MeshError, reasonOf } from './errors.ts'
import { createHome } from './home.ts'
import { fetchAndPrepare, refuseSecond, type Settings, settingsFrom, startMesh } from './mesh.ts'
import { renderSummary } from './status.ts'

const usage = `Starts site11 on this machine and shows its log until Ctrl-C.

  npm start                 in this terminal
  npm start -- --detach     returns when it is ready and leaves it running: npm run mesh -- --help

SITE11_PORT=9000 takes other ports, SITE11_REPLICAS=users=2 more instances, SITE11_HOME=<folder> keeps data and logs elsewhere.`

const show = (line: string) => process.stdout.write(`${line}\n`)

/** A detached mesh, as its parent hears of it. */
type News = { line: string } | { ready: string } | { failed: string }

/** Starts the mesh and keeps it until it is told to stop. */
async function startHere(settings: Settings) {
  const stopping = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => stopping.abort())
  // The terminal may go away before the mesh has stopped.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => stopping.abort())
  process.on('uncaughtException', error => {
    const line = {
      level: 'fatal',
      time: new Date().toISOString(),
      msg: 'the supervisor failed',
      err: { stack: error.stack },
    }
    appendFileSync(join(settings.home.logs, 'mesh.log'), `${JSON.stringify(line)}\n`)
    tell({ line: `site11: ${error.stack}` })
    process.exitCode = 1
    stopping.abort()
  })
  try {
    const terminal = { print: (line: string) => tell({ line }), watched: () => !process.send || process.connected }
    const started = await startMesh(settings, terminal, stopping)
    tell({ ready: renderSummary({ ...settings, ...started, detached: process.send !== undefined }) })
    await started.stopped
  } catch (error) {
    await tell({ failed: error instanceof MeshError ? error.message : ((error as Error).stack ?? String(error)) })
    process.exitCode = 1
  }
  process.exit()
}

/** To the terminal, or to the parent that waits for a detached mesh, as long as there is one. Resolves when it is out. */
async function tell(news: News): Promise<void> {
  if (process.connected) await new Promise(resolve => process.send?.(news, resolve))
  else if (process.send) return
  else if ('failed' in news) console.error(`site11: ${news.failed}`)
  else show('ready' in news ? news.ready : news.line)
}

/** Starts the mesh in a session of its own and returns once it is ready, or throws the reason why it is not. */
async function startDetached(settings: Settings) {
  createHome(settings.home)
  const stopping = new AbortController()
  const stop = () => stopping.abort()
  process.on('SIGINT', stop).on('SIGTERM', stop)
  // Fetching and building show their progress, so they happen here.
  await fetchAndPrepare(settings, text => show(`site11: ${text}`), stopping.signal)
  const stdio = ['ignore', 'ignore', 'ignore', 'ipc'] as const
  const child = spawn(process.execPath, [import.meta.filename], { detached: true, stdio: [...stdio] })
  stopping.signal.addEventListener('abort', () => child.kill('SIGTERM'))
  await untilReady(child)
  child.disconnect()
  child.unref()
}

function untilReady(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.on('message', (news: News) => {
      if ('line' in news) return show(news.line)
      if ('failed' in news) return reject(new MeshError(news.failed))
      show(news.ready)
      resolve()
    })
    child.on('exit', () => reject(new MeshError('The mesh ended before it was ready: npm run mesh -- logs mesh')))
  })
}

function argumentsOf(args: string[]) {
  try {
    return parseArgs({ args, options: { detach: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } }).values
  } catch (error) {
    throw new MeshError(`${reasonOf(error)}\n\n${usage}`)
  }
}

// Everything that this or a child of it writes is for this user alone.
process.umask(0o077)

try {
  const { detach, help } = argumentsOf(process.argv.slice(2))
  if (help) show(usage)
  else {
    const settings = settingsFrom(process.env)
    refuseSecond(settings.home)
    await (detach ? startDetached(settings) : startHere(settings))
  }
} catch (error) {
  if (!(error instanceof MeshError)) throw error
  console.error(`site11: ${error.message}`)
  process.exitCode = 1
}
