/**
 * Runs the processes of a mesh: stage by stage as each becomes ready, then the instances of services; scales and restarts them, and
 * stops all in reverse. The one stateful thing of mesh/; what it runs is data (ProcessSpec).
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { MeshError, reasonOf } from './errors.ts'
import { type Level, type LogEntry, type LogFile, openLog, wholeLines } from './logs.ts'
import { goneFolder, type ManagedProcess, type ProcessSpec, type ProcessStatus, runProcess } from './process.ts'
import { lastWords, renderEntry, terminalStream } from './render.ts'

export type SupervisorOptions = {
  /** Folder of the log files. */
  logs: string
  /** Shows a line in the terminal. */
  print: (line: string) => void
  /** Whether there is a terminal: without one, nothing is rendered. */
  watched: () => boolean
  /** Called after every start and end of a process, with those that run. */
  recorded: (processes: ManagedProcess[]) => void
  /** Describes instance `name` of a service, on a port of its own. */
  instance: (service: string, name: string) => Promise<ProcessSpec>
}

export type Supervisor = ReturnType<typeof createSupervisor>

/** From the order to stop until nothing is left, in ms. The stages share it: the first stage to stop may take what is not kept for others. */
const stopMs = 9500
const keptForEachLaterStageMs = 1000
/** Before that, so that what goes out is whole: the edge takes no more requests and ends those under way. ms. */
const lastRequestsMs = 1000
/** A restart has time to let every request end. The edge has less: watches that never end go through it. ms. */
const drainMs = 30_000
const edgeDrainMs = 5000

/** A process, and what it has said since its start as long as it was not healthy. */
type Member = ManagedProcess & { lastWords: () => string[] }

const longestWords = 16 * 1024

/** Rejects when the signal fires, with its reason. */
const aborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })

export function createSupervisor(options: SupervisorOptions) {
  const stages: Member[][] = []
  /** What can be scaled, by service. Some are a stage, too. */
  const instances = new Map<string, Member[]>()
  const logs = new Map<string, LogFile>()
  let stopped: Promise<void> | undefined
  let last: Promise<void> = Promise.resolve()

  const meshLog = logOf('mesh')
  const lists = () => [...new Set([...stages, ...instances.values()])]
  const processes = () => lists().flat()
  const record = () => options.recorded(processes())

  function logOf(name: string): LogFile {
    const open =
      logs.get(name) ??
      openLog(join(options.logs, `${name}.log`), error =>
        options.print(`site11: ${name}.log cannot be written: ${error}`),
      )
    logs.set(name, open)
    return open
  }

  /** A line of the mesh's own log. */
  function log(level: Level, msg: string, fields: Record<string, unknown> = {}): LogEntry {
    const time = new Date()
    meshLog.write(Buffer.from(`${JSON.stringify({ level, time: time.toISOString(), msg, ...fields })}\n`))
    return { time, level, msg, fields }
  }

  function say(level: Level, msg: string, fields?: Record<string, unknown>) {
    options.print(renderEntry('mesh', log(level, msg, fields)))
  }

  function run(spec: ProcessSpec): Member {
    const file = logOf(spec.name)
    const terminal = terminalStream(spec.name, spec.terminal, options.print)
    let words = ''
    let ended = false
    const write = (block: Buffer) => {
      file.write(block)
      if (options.watched()) terminal(block)
      if (member.status().state === 'healthy') return
      words = ((ended ? '' : words) + block.toString('utf8')).slice(-longestWords)
      ended = false
    }
    const lines = { stdout: wholeLines(write), stderr: wholeLines(write) }
    const member = runProcess(spec, {
      say,
      output: (stream, chunk) => lines[stream].push(chunk),
      ended() {
        lines.stdout.flush()
        lines.stderr.flush()
        ended = true
      },
      changed: record,
    })
    return { ...member, lastWords: () => lastWords(spec.name, words) }
  }

  /** Like whenReady, and the reason comes with what the process has said. Rejects with that of the signal when it fires first. */
  async function becomesReady(member: Member, signal?: AbortSignal) {
    try {
      await Promise.race([member.whenReady(), ...(signal ? [aborted(signal)] : [])])
    } catch (error) {
      const words = member.lastWords().map(line => `\n  ${line}`)
      const file = join(options.logs, `${member.spec.name}.log`)
      throw new MeshError(
        `${reasonOf(error)}. Its log is ${file}${words.length > 0 ? ', and its last words were:' : '; it said nothing.'}${words.join('')}`,
      )
    }
  }

  /** Starts processes side by side; resolves when all are ready. Stages stop in reverse. As instances of a `service` they can be scaled. */
  async function startStage(specs: ProcessSpec[], service?: string) {
    refuseWhenStopped()
    const stage = specs.map(run)
    stages.push(stage)
    if (service) instances.set(service, stage)
    record()
    await Promise.all(stage.map(member => becomesReady(member)))
  }

  /**
   * Brings services to so many instances each: adds at the end and waits until they are ready, or takes away the last ones and waits
   * until they have drained.
   */
  async function scale(wanted: Map<string, number>) {
    refuseWhenStopped()
    const added: Member[] = []
    const surplus: Member[] = []
    for (const [service, count] of wanted) {
      const members = instances.get(service) ?? []
      instances.set(service, members)
      surplus.push(...members.slice(count))
      while (members.length < count) {
        const spec = await options.instance(service, `${service}-${members.length + 1}`)
        refuseWhenStopped()
        const member = run(spec)
        members.push(member)
        added.push(member)
        record()
      }
    }
    for (const member of surplus) say('info', `draining ${member.spec.name}`)
    const results = await Promise.allSettled([...added.map(member => becomesReady(member)), ...surplus.map(leave)])
    for (const [service, count] of wanted) instances.get(service)?.splice(count)
    record()
    const failed = results.find(result => result.status === 'rejected')
    if (failed) throw failed.reason
  }

  async function leave(member: Member) {
    await member.drain(edgeDrainMs)
    await member.stop(drainMs)
  }

  /** Restarts a process, or the instances of a service one after another; each is ready before the next one goes. */
  async function restart(name: string) {
    refuseWhenStopped()
    const all = named(name)
    const lost = all.find(({ member }) => !existsSync(member.spec.cwd))
    if (lost) throw new MeshError(`${lost.member.spec.name} is left as it is: ${goneFolder(lost.member.spec)}`)
    for (const { list, member } of all) {
      say('info', `restarting ${member.spec.name}`)
      await leave(member)
      refuseWhenStopped()
      const next = run(member.spec)
      list[list.indexOf(member)] = next
      record()
      await becomesReady(next)
    }
  }

  /**
   * Starts a process where the one of its name was, which has been halted, or else as a further instance of the service.
   * @returns when it is ready. Rejects when it is not, or the signal fires: it is kept running, or trying to, all the same.
   */
  async function launch(service: string, spec: ProcessSpec, signal: AbortSignal) {
    refuseWhenStopped()
    const [place] = lists().flatMap(list =>
      list.filter(({ spec: { name } }) => name === spec.name).map(old => ({ list, old })),
    )
    if (place && place.old.status().state !== 'stopped') throw new MeshError(`${spec.name} runs already.`)
    const list = place?.list ?? instances.get(service)
    if (!list) throw new MeshError(`${service} cannot have further instances.`)
    const member = run(spec)
    list.splice(place ? list.indexOf(place.old) : list.length, place ? 1 : 0, member)
    record()
    await becomesReady(member, signal)
  }

  /** Ends an instance in order and forgets it. */
  async function remove(name: string) {
    refuseWhenStopped()
    for (const { list, member } of named(name)) {
      await leave(member)
      list.splice(list.indexOf(member), 1)
    }
    record()
  }

  /** Stops a process, or the instances of a service, until it is restarted. */
  async function halt(name: string) {
    refuseWhenStopped()
    await Promise.all(named(name).map(({ member }) => leave(member)))
  }

  /** A process, or the instances of a service, and where it is listed. Throws MeshError. */
  function named(name: string) {
    const wanted = instances.get(name) ?? processes().filter(member => member.spec.name === name)
    if (wanted.length === 0) throw new MeshError(`There is no "${name}". There are: ${known().join(', ')}.`)
    return lists().flatMap(list => list.filter(one => wanted.includes(one)).map(member => ({ list, member })))
  }

  /** Changes happen one at a time, in the order they were asked for. */
  function serially<T extends unknown[]>(change: (...args: T) => Promise<void>) {
    return (...args: T): Promise<void> => {
      const result = last.then(() => change(...args))
      last = result.catch(() => {})
      return result
    }
  }

  const known = () => [...new Set([...processes().map(member => member.spec.name), ...instances.keys()])]

  function refuseWhenStopped() {
    if (stopped) throw new MeshError('The mesh is stopping.')
  }

  /** Stops everything, last started first, and resolves when no process is left. However often called, it happens once. */
  function stop(): Promise<void> {
    stopped ??= (async () => {
      const deadline = Date.now() + stopMs
      await Promise.all(processes().map(member => member.drain(lastRequestsMs)))
      const services = [...instances.values()].filter(members => !stages.includes(members)).flat()
      const rounds = [services, ...stages.toReversed()].filter(members => members.length > 0)
      for (const [index, members] of rounds.entries()) {
        const kept = (rounds.length - 1 - index) * keptForEachLaterStageMs
        const graceMs = Math.max(deadline - Date.now() - kept, 500)
        await Promise.all(members.map(member => member.stop(graceMs)))
      }
      for (const log of logs.values()) log.close()
    })()
    return stopped
  }

  return {
    say,
    log,
    startStage,
    scale: serially(scale),
    restart: serially(restart),
    halt: serially(halt),
    launch: serially(launch),
    remove: serially(remove),
    stop,
    /** The processes of a service in their order; of what is none, the process of that name. */
    membersOf: (name: string): string[] =>
      (instances.get(name) ?? processes().filter(member => member.spec.name === name)).map(({ spec }) => spec.name),
    specOf: (name: string): ProcessSpec | undefined => processes().find(member => member.spec.name === name)?.spec,
    statuses: (): ProcessStatus[] => processes().map(member => member.status()),
  }
}
