/** Puts the real mesh together: what belongs to this home, in which order, and what the commands may ask of it. */
import { existsSync, rmSync } from 'node:fs'
import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Failover, startFailover } from '../envoy/failover.ts'
import { consoleName } from './builds.ts'
import { type ControlHandlers, serveControl, socketPath } from './control.ts'
import type { Deployments } from './deployments.ts'
import { findEngines } from './engines.ts'
import { envoySpec } from './envoy.ts'
import { MeshError, reasonOf } from './errors.ts'
import { createHome, type Home, homeOf, root } from './home.ts'
import { deploymentsOf, folderOf, operationHandlers } from './operations.ts'
import { portsFrom, requireFree, slotFor } from './ports.ts'
import { prepare } from './prepare.ts'
import type { ProcessStatus } from './process.ts'
import { httpGet } from './ready.ts'
import { claimRecord, endOrphans, identityOf, type MeshRecord, readRecord, runningMesh, writeRecord } from './record.ts'
import { loadSecrets } from './secrets.ts'
import { discoverServices, parseReplicas, type Service } from './services.ts'
import { type MeshStatus, memoryMiB, problemsIn } from './status.ts'
import { createSupervisor, type Supervisor } from './supervisor.ts'
import { consoleSpec, engineSpecs, instanceSpec, type MeshConfig } from './topology.ts'

/** What the edge is called where it is scaled or restarted. */
const edge = 'envoy'

/** The settings of a start, checked before anything is touched. Throws MeshError. */
export function settingsFrom(env: NodeJS.ProcessEnv) {
  const ports = portsFrom(env.SITE11_PORT || undefined)
  const services = discoverServices(root)
  return {
    home: homeOf(env),
    ports,
    ...edgeFrom(env, ports.edge),
    services,
    replicas: parseReplicas(env.SITE11_REPLICAS ?? '', scalable(services)),
    env,
  }
}

/** What can have several instances. */
const scalable = (services: Service[]) => [edge, ...services.map(service => service.name)]

/** Where the edge listens, where this machine reaches it, and where clients do. */
function edgeFrom(env: NodeJS.ProcessEnv, port: number) {
  const bind = env.SITE11_BIND || '127.0.0.1'
  if (!isIP(bind)) throw new MeshError(`SITE11_BIND must be an IP address such as 0.0.0.0, not "${bind}".`)
  const tls = tlsFrom(env)
  const scheme = tls ? 'https' : 'http'
  const publicUrl = env.SITE11_PUBLIC_URL || `${scheme}://localhost:${port}`
  if (!/^https?:/.test(publicUrl) || !URL.canParse(publicUrl)) {
    throw new MeshError(`SITE11_PUBLIC_URL must be a URL such as https://api.example.com, not "${publicUrl}".`)
  }
  const local = bind === '0.0.0.0' ? '127.0.0.1' : bind === '::' ? '::1' : bind
  const healthUrl = `${scheme}://${isIP(local) === 6 ? `[${local}]` : local}:${port}/health`
  return { bind, publicUrl, healthUrl, tls }
}

/** The files of the edge's certificate and key, if it is to have one. */
function tlsFrom({ SITE11_TLS_CERTIFICATE: certificate, SITE11_TLS_KEY: key }: NodeJS.ProcessEnv) {
  if (!certificate && !key) return undefined
  if (!certificate || !key)
    throw new MeshError('SITE11_TLS_CERTIFICATE and SITE11_TLS_KEY belong together: set both, or neither.')
  return { certificate: resolve(certificate), key: resolve(key) }
}

export type Settings = ReturnType<typeof settingsFrom>

/** Throws MeshError when a mesh runs in this home already. */
export function refuseSecond(home: Home): void {
  const running = runningMesh(home.record)
  if (!running) return
  throw new MeshError(
    `site11 runs already (pid ${running.supervisor.pid}, http://localhost:${running.edgePort}). Look: npm run mesh -- status. Stop it: npm run mesh -- stop.`,
  )
}

/** Fetches engines and derives what is out of date; a start does it too, but this shows its progress in the terminal. */
export async function fetchAndPrepare(settings: Settings, say: (text: string) => void, signal: AbortSignal) {
  await Promise.all([findEngines(settings.home.engines, settings.env, say, signal), prepare(say, signal)])
}

/** Where log lines go for people to see, as long as anybody watches. */
export type Terminal = { print: (line: string) => void; watched: () => boolean }

/**
 * Starts the mesh and resolves once /health is green. Aborting `stopping` stops everything in order, and so does the command;
 * `stopped` resolves when nothing is left. When the start fails, everything is stopped before it rejects.
 */
export async function startMesh(settings: Settings, terminal: Terminal, stopping: AbortController) {
  const { home, ports, services } = settings
  const { signal } = stopping
  const began = Date.now()
  createHome(home)
  const record: MeshRecord = {
    supervisor: identityOf(process.pid),
    edgePort: ports.edge,
    socket: socketPath(home.socket),
    processes: [],
  }
  const orphans = await claim(home, record)

  let config: MeshConfig | undefined
  const slots = new Map<string, number>()
  /** The port of a holder, the same whenever it is asked for. */
  const slot = async (holder: string) => {
    const port = slots.get(holder) ?? (await slotFor(ports.edge, slots.values()))
    slots.set(holder, port)
    return port
  }
  let failover: Failover | undefined
  const supervisor = createSupervisor({
    logs: home.logs,
    ...terminal,
    recorded(processes) {
      record.processes = processes.flatMap(member => {
        const identity = member.identity()
        return identity ? [{ name: member.spec.name, ...identity }] : []
      })
      try {
        writeRecord(home.record, record)
      } catch (error) {
        supervisor.say('warn', `${home.record} could not be written: ${reasonOf(error)}`)
      }
    },
    async instance(serviceName, name) {
      const service = services.find(one => one.name === serviceName)
      if (config && serviceName === edge) {
        return envoySpec(config, name, { edge: await slot(name), admin: await slot(`${name} admin`) })
      }
      if (!service) throw new MeshError(`There is no service "${serviceName}".`)
      return specOf(serviceName, name, folderOf(deployments, serviceName))
    },
  })
  /** An instance of a service, or the Console, of the build in a folder. */
  async function specOf(service: string, name: string, folder: string) {
    if (!config) throw new MeshError('The mesh is still starting: try again when it is ready.')
    if (service === consoleName) return consoleSpec(config, folder)
    return instanceSpec(config, { name: service, folder }, name, await slot(name))
  }
  const own: ProcessStatus = {
    name: 'mesh',
    state: 'starting',
    address: '',
    pid: process.pid,
    startedAt: began,
    restarts: 0,
  }
  const deployments = deploymentsOf({
    supervisor,
    home,
    edgePort: ports.edge,
    healthUrl: `http://127.0.0.1:${ports.consoleHttp}/health`,
    services: services.map(({ name }) => name),
    specOf,
    stopping: signal,
  })
  const control = await serveControl(record.socket, {
    ...handlersFor(supervisor, deployments, settings, own, stopping),
    ...operationHandlers({ supervisor, deployments, home, services: services.map(({ name }) => name) }),
  })
  const stopped = Promise.withResolvers<void>()
  signal.addEventListener('abort', async () => {
    own.state = 'draining'
    supervisor.say('info', 'stopping')
    await supervisor.stop()
    await failover?.close()
    control.close()
    rmSync(home.record, { force: true })
    stopped.resolve()
  })

  try {
    if (orphans.length > 0) supervisor.say('warn', `ended ${orphans.length} processes that a killed mesh left behind`)
    const firstTime = !existsSync(home.admin)
    const secrets = loadSecrets(home.secrets, ['console', ...services.map(service => service.name)])
    await requireFree(ports, settings.bind)
    const tell = (text: string) => supervisor.say('info', text)
    const prepared = prepare(tell, signal)
    prepared.catch(() => {})
    const engines = await findEngines(home.engines, settings.env, tell, signal)
    config = { ...settings, secrets, engines, socket: record.socket }
    failover = await startFailover({
      listen: { host: '127.0.0.1', port: ports.failover },
      console: { host: '127.0.0.1', port: ports.consoleGrpc },
      joinToken: secrets.joinToken,
      home: home.folder,
      trustFile: home.trust,
      log: supervisor.say,
    })
    await supervisor.startStage(engineSpecs(config))
    await prepared
    await supervisor.startStage([consoleSpec(config, folderOf(deployments, consoleName))])
    const first = envoySpec(config, `${edge}-1`, { edge: ports.edge, admin: ports.envoyAdmin })
    const names = [...services.map(({ name }) => name), edge]
    await Promise.all([
      supervisor.startStage([first], edge),
      supervisor.scale(new Map(names.map(name => [name, settings.replicas.get(name) ?? 1]))),
    ])
    const red = await untilGreen(settings.healthUrl, signal)
    if (red)
      supervisor.say('warn', `/health is not green after ${greenMs / 1000} s: ${red}. See npm run mesh -- diagnose`)
    if (firstTime) await untilExists(home.admin, signal)
    own.state = 'healthy'
    void deployments.mend()
    // A password that the operator has set is known, and shown to nobody.
    const showPassword = firstTime && !settings.env.SITE11_ADMIN_PASSWORD
    return { startedMs: Date.now() - began, showPassword, stopped: stopped.promise }
  } catch (error) {
    const reason = signal.aborted ? new MeshError('Stopped before the mesh was ready.') : error
    if (!signal.aborted) supervisor.log('fatal', `the mesh did not start: ${reasonOf(error)}`)
    stopping.abort()
    await stopped.promise
    throw reason
  }
}

/** Takes this home for this process, ending what a killed mesh left. Throws MeshError when another mesh has it. */
async function claim(home: Home, record: MeshRecord) {
  if (claimRecord(home.record, record)) return []
  refuseSecond(home)
  const left = readRecord(home.record)
  const orphans = left ? await endOrphans(left) : []
  rmSync(home.record, { force: true })
  if (!claimRecord(home.record, record)) refuseSecond(home)
  return orphans
}

function handlersFor(
  supervisor: Supervisor,
  deployments: Deployments,
  settings: Settings,
  own: ProcessStatus,
  stopping: AbortController,
): ControlHandlers {
  /** What is being deployed is left alone. `name`: of a service, or of one of its processes. */
  const requireIdle = (name: string) => {
    const names = [...settings.services.map(service => service.name), consoleName]
    for (const service of names) {
      if (name === service || supervisor.membersOf(service).includes(name)) deployments.requireIdle(service)
    }
  }
  return {
    '/status': () => statusOf(supervisor, settings, own),
    '/restart': async ({ name }) => {
      requireIdle(String(name))
      await supervisor.restart(String(name))
    },
    '/scale': async body => {
      const wanted = parseReplicas(String(body.replicas), scalable(settings.services))
      for (const service of wanted.keys()) requireIdle(service)
      await supervisor.scale(wanted)
    },
    '/stop': async ({ name }) => {
      if (name !== undefined) {
        requireIdle(String(name))
        return supervisor.halt(String(name))
      }
      // The answer goes out before the socket does.
      setImmediate(() => stopping.abort())
    },
  }
}

async function statusOf(supervisor: Supervisor, settings: Settings, own: ProcessStatus): Promise<MeshStatus> {
  const processes = [own, ...supervisor.statuses()]
  return {
    url: settings.publicUrl,
    home: settings.home.folder,
    health: await healthOf(settings.healthUrl),
    processes: processes.map(one => ({ ...one, rssMiB: one.pid === undefined ? undefined : memoryMiB(one.pid) })),
  }
}

/** What the edge's /health says; unreachable is an answer too. */
async function healthOf(healthUrl: string): Promise<MeshStatus['health']> {
  try {
    const { status, body } = await httpGet(healthUrl)
    return { ok: status === 200, detail: status === 200 ? 'healthy' : problemsIn(body) }
  } catch (error) {
    return { ok: false, detail: reasonOf(error) }
  }
}

const greenMs = 60_000

/**
 * Every process is ready by now: what is still wrong, such as a consumer of events that was behind when the mesh stopped, is no reason to
 * stop all that works.
 * @returns what is not green after a minute; undefined when all is.
 * @throws MeshError when nothing answers at all.
 */
async function untilGreen(healthUrl: string, signal: AbortSignal): Promise<string | undefined> {
  const deadline = Date.now() + greenMs
  for (let pauseMs = 50; ; pauseMs = Math.min(pauseMs * 1.2, 1000)) {
    const health = await healthOf(healthUrl)
    if (health.ok) return undefined
    if (signal.aborted) throw new MeshError('Stopped before the mesh was ready.')
    if (Date.now() > deadline) {
      const answers = await httpGet(healthUrl).then(
        () => true,
        () => false,
      )
      if (answers) return health.detail
      throw new MeshError(`Every process is ready, and yet /health does not answer: ${health.detail}`)
    }
    await delay(pauseMs)
  }
}

const adminMs = 10_000

/** The Console makes the first admin soon after Users answers. Without one the mesh still works, so this only waits for a while. */
async function untilExists(file: string, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + adminMs
  while (!existsSync(file) && !signal.aborted && Date.now() < deadline) await delay(50)
}
