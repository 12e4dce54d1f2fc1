/**
 * Keeps on disk what each Envoy has accepted last, so that one that starts while the Console is down can be given it:
 *
 *   <folder>/<node id>.snapshot.json
 *
 * It holds the private key that the proxy shows itself to instances with, and that of the edge when there is one, so only its owner
 * can read it.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Resource, type TypeUrl, typeUrls } from './snapshot.ts'
import type { Log } from './streams.ts'

/** What a proxy has accepted of a type. */
export type Accepted = { version: string; resources: ReadonlyMap<string, Resource> }

export type SavedSnapshots = {
  /** The node ids of the proxies that something is saved of. */
  known: () => string[]
  /** Writes it soon, unless it is what was written last; a newer one takes its place. Cheap: the work is done when it is written. */
  save: (nodeId: string, change: number, accepted: Partial<Record<TypeUrl, Accepted>>) => void
  /** What cannot be written, and why. */
  problems: () => string[]
  /** Writes what waits. */
  close: () => void
}

/** Changes wait for more to come. After an error it is tried again. ms. */
const quietMs = 1_000
const retryMs = 2_000

type Waiting = { change: number; accepted: Partial<Record<TypeUrl, Accepted>> }

type File = {
  waiting: Waiting | undefined
  /** The responses that were written last. */
  written: string
  timer: NodeJS.Timeout | undefined
  writing: boolean
  problem: string
}

export function saveSnapshots(folder: string, log: Log): SavedSnapshots {
  const files = new Map<string, File>()

  const write = async (nodeId: string, file: File) => {
    file.timer = undefined
    const { waiting } = file
    if (!waiting || file.writing) return
    file.writing = true
    const path = pathOf(folder, nodeId)
    const responses = responsesOf(waiting.accepted)
    try {
      if (responses !== file.written) {
        await mkdir(folder, { recursive: true, mode: 0o700 })
        await writeWhole(path, textOf(nodeId, waiting.change, responses))
      }
      file.written = responses
      if (file.waiting === waiting) file.waiting = undefined
      if (file.problem) log.info({ nodeId, path }, 'the configuration of a proxy is saved again')
      file.problem = ''
    } catch (cause) {
      const problem = `What ${nodeId} has accepted cannot be saved: ${messageOf(cause)}. Restarted without the Console, it would serve an older configuration or none.`
      if (problem !== file.problem)
        log.warn({ nodeId, path, reason: messageOf(cause) }, 'the configuration of a proxy cannot be saved')
      file.problem = problem
    }
    file.writing = false
    if (file.waiting) file.timer ??= setTimeout(write, file.problem ? retryMs : quietMs, nodeId, file)
  }

  return {
    known: () =>
      (existsSync(folder) ? readdirSync(folder) : []).flatMap(name => /^(.+)\.snapshot\.json$/.exec(name)?.[1] ?? []),
    save(nodeId, change, accepted) {
      const file = files.get(nodeId) ?? {
        waiting: undefined,
        written: '',
        timer: undefined,
        writing: false,
        problem: '',
      }
      files.set(nodeId, file)
      if (!isFileName(nodeId)) {
        file.problem = `What ${nodeId} has accepted cannot be saved: its node id must be letters, digits, dots, hyphens and underscores.`
        return
      }
      file.waiting = { change, accepted }
      if (!file.writing) file.timer ??= setTimeout(write, quietMs, nodeId, file)
    },
    problems: () => [...files.values()].flatMap(({ problem }) => problem || []),
    close() {
      for (const [nodeId, file] of files) {
        clearTimeout(file.timer)
        if (!file.waiting) continue
        const path = pathOf(folder, nodeId)
        const { change, accepted } = file.waiting
        try {
          mkdirSync(folder, { recursive: true, mode: 0o700 })
          // Another name than the one that is perhaps being written.
          writeFileSync(`${path}.last`, textOf(nodeId, change, responsesOf(accepted)), { mode: 0o600 })
          renameSync(`${path}.last`, path)
        } catch (cause) {
          log.warn({ nodeId, path, reason: messageOf(cause) }, 'the configuration of a proxy cannot be saved')
        }
        file.waiting = undefined
      }
    },
  }
}

function pathOf(folder: string, nodeId: string): string {
  return join(folder, `${nodeId}.snapshot.json`)
}

function isFileName(nodeId: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(nodeId)
}

/** All of it or nothing: a reader never meets a part. */
async function writeWhole(path: string, text: string): Promise<void> {
  const temporary = `${path}.tmp`
  try {
    const file = await open(temporary, 'w', 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (cause) {
    await rm(temporary, { force: true })
    throw cause
  }
}

function textOf(nodeId: string, change: number, responses: string): string {
  const head = JSON.stringify({ version: 1, nodeId, change, savedAt: new Date() })
  return `${head.slice(0, -1)},"responses":[${responses}]}\n`
}

/** In the order in which a proxy asks. */
function responsesOf(accepted: Partial<Record<TypeUrl, Accepted>>): string {
  const responses = typeUrls.flatMap(typeUrl => {
    const { version: versionInfo, resources } = accepted[typeUrl] ?? {}
    if (!resources) return []
    const head = JSON.stringify({ typeUrl, versionInfo })
    return `${head.slice(0, -1)},"resources":[${[...resources.values()].map(jsonOf).join(',')}]}`
  })
  return responses.join(',')
}

const jsonTexts = new WeakMap<Resource, string>()

/** Most resources are written many times. */
function jsonOf(resource: Resource): string {
  const known = jsonTexts.get(resource)
  if (known) return known
  const { name, value } = resource
  const text = JSON.stringify({ name, value: Buffer.from(value).toString('base64') })
  jsonTexts.set(resource, text)
  return text
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
