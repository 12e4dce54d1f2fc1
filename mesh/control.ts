/** How the commands talk to a running mesh: HTTP and JSON over a unix socket that only this user can open. */
import { chmodSync, mkdtempSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import { createServer, request } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { MeshError, reasonOf } from './errors.ts'

/** What each path does with its JSON body. A MeshError is the caller's problem; it gets the sentence. */
export type ControlHandlers = Record<string, (body: Record<string, unknown>) => Promise<unknown>>

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
    const answer = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body ?? {}))
    }
    try {
      const handler = handlers[incoming.url ?? '']
      if (!handler) return answer(404, { error: `There is no ${incoming.url}` })
      answer(200, await handler(JSON.parse((await text(incoming)) || '{}')))
    } catch (error) {
      answer(error instanceof MeshError ? 400 : 500, { error: reasonOf(error) })
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

/** Asks the mesh behind a socket. Throws MeshError with its sentence when it refuses, or when nobody answers. */
export function askControl(path: string, what: string, body: object = {}): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath: path, path: what, method: 'POST' }, async response => {
      try {
        const answer = JSON.parse(await text(response))
        if (response.statusCode === 200) resolve(answer)
        else reject(new MeshError(answer.error))
      } catch (error) {
        reject(error)
      }
    })
    call.on('error', error => reject(new MeshError(`The mesh does not answer at ${path} (${error.message}).`)))
    call.end(JSON.stringify(body))
  })
}
