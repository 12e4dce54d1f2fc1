/**
 * How the commands and the Console talk to a running mesh: HTTP and JSON over a unix socket that only this user can open. What goes on is a
 * stream of JSON lines.
 */
import { chmodSync, mkdtempSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { ask, ControlError, watch } from '../console/server/operations/control-client.ts'
import { MeshError, Refused, reasonOf } from './errors.ts'

type Handler = (body: Record<string, unknown>, signal: AbortSignal) => Promise<unknown> | AsyncIterable<unknown>

/** What each path does with its JSON body. A MeshError is the caller's problem; it gets the sentence. The signal: it has hung up. */
export type ControlHandlers = Record<string, Handler>

// Linux allows 107 bytes, macOS 103.
const longestSocketPath = 103
const temporaryFolder = join(tmpdir(), 'site11-socket-')

/** The path itself when the system allows one of that length, else a new one in a private temporary folder. */
export function socketPath(wanted: string): string {
  return Buffer.byteLength(wanted) <= longestSocketPath ? wanted : join(mkdtempSync(temporaryFolder), 'mesh.sock')
}

/** Serves until closed; `close` removes the socket. The path must be free: whoever holds the mesh record owns it. */
export async function serveControl(path: string, handlers: ControlHandlers): Promise<{ close: () => void }> {
  rmSync(path, { force: true })
  const server = createServer(async (incoming, response) => {
    const gone = new AbortController()
    response.on('close', () => gone.abort())
    const answer = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body ?? {}))
    }
    try {
      const handler = handlers[incoming.url ?? '']
      if (!handler) return answer(404, { error: `There is no ${incoming.url}` })
      const result = handler(JSON.parse((await text(incoming)) || '{}'), gone.signal)
      if (Symbol.asyncIterator in result) await stream(result, response, gone.signal)
      else answer(200, await result)
    } catch (error) {
      const refusal = { error: reasonOf(error), ...(error instanceof Refused && { kind: error.kind }) }
      if (response.headersSent) response.end(`${JSON.stringify(refusal)}\n`)
      else answer(error instanceof MeshError ? 400 : 500, refusal)
    }
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })
  chmodSync(path, 0o600)
  return {
    close() {
      server.close()
      rmSync(path, { force: true })
      // Never more than the empty folder that socketPath made: a home may stand in the temporary folder as well.
      const folder = dirname(path)
      if (path.startsWith(temporaryFolder) && readdirSync(folder).length === 0) rmdirSync(folder)
    },
  }
}

/** Writes a line for each value, no faster than they are read. What fails before the first is a refusal as any other. */
async function stream(values: AsyncIterable<unknown>, response: ServerResponse, gone: AbortSignal) {
  for await (const value of values) {
    if (gone.aborted) return
    if (!response.headersSent) response.writeHead(200, { 'content-type': 'application/x-ndjson' })
    if (response.write(`${JSON.stringify(value)}\n`)) continue
    await new Promise<void>(resolve => {
      response.once('drain', resolve)
      gone.addEventListener('abort', () => resolve(), { once: true })
    })
  }
  if (!response.headersSent) response.writeHead(200, { 'content-type': 'application/x-ndjson' })
  response.end()
}

/** Asks the mesh behind a socket. Throws MeshError with its sentence when it refuses, or when nobody answers. */
export async function askControl(path: string, what: string, body: object = {}): Promise<unknown> {
  try {
    return await ask(path, what, body)
  } catch (error) {
    throw error instanceof ControlError ? new MeshError(error.message) : error
  }
}

/** What the mesh behind a socket sends until the signal. Throws as askControl. */
export async function* watchControl(path: string, what: string, body: object, signal: AbortSignal) {
  try {
    yield* watch(path, what, body, signal)
  } catch (error) {
    throw error instanceof ControlError ? new MeshError(error.message) : error
  }
}
