/** How the supervisor of a machine is asked: HTTP over a unix socket that only its user can open. One JSON, or a stream of JSON lines. */
import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'

/** What the supervisor says instead of an answer. */
export class ControlError extends Error {
  override name = 'ControlError'
  /** `invalid`, `unknown` or `state` when it was not even begun; `failed` when it was tried; `fault` of its own; `away` when nobody answers. */
  readonly kind: 'invalid' | 'unknown' | 'state' | 'failed' | 'fault' | 'away'

  constructor(kind: ControlError['kind'], message: string) {
    super(message)
    this.kind = kind
  }
}

/** @returns the answer. @throws ControlError. */
export async function ask(path: string, what: string, body: object, signal?: AbortSignal): Promise<unknown> {
  const response = await open(path, what, body, signal)
  return JSON.parse(await text(response))
}

/** @returns each line as it comes, no faster than it is taken, until the signal. @throws ControlError. */
export async function* watch(path: string, what: string, body: object, signal: AbortSignal): AsyncGenerator<unknown> {
  try {
    const response = await open(path, what, body, signal)
    let rest = ''
    for await (const chunk of response.setEncoding('utf8')) {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) yield lineOf(line)
    }
  } catch (error) {
    if (signal.aborted) return
    if (error instanceof ControlError) throw error
    throw new ControlError('away', `The supervisor has ended the stream (${(error as Error).message}).`)
  }
}

/** An error in the middle of a stream is a line, too. */
function lineOf(line: string): unknown {
  const value = JSON.parse(line)
  if (value?.error !== undefined) throw new ControlError(value.kind ?? 'failed', value.error)
  return value
}

function open(path: string, what: string, body: object, signal?: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const options = { socketPath: path, path: what, method: 'POST', agent: false, ...(signal && { signal }) } as const
    const call = request(options, async response => {
      if (response.statusCode === 200) return resolve(response)
      try {
        const { error, kind = 'failed' } = JSON.parse(await text(response))
        reject(new ControlError(response.statusCode === 500 ? 'fault' : kind, error))
      } catch (error) {
        reject(error)
      }
    })
    call.on('error', error => {
      const message = `The mesh does not answer at ${path} (${error.message}).`
      reject(new ControlError('away', message))
    })
    call.end(JSON.stringify(body))
  })
}
