/** From what a report shows to its files. */
import { Worker } from 'node:worker_threads'
import { status } from '@grpc/grpc-js'
import { ServiceError } from '@site11/runtime/errors.ts'
import type { Content } from './content.ts'

export type Kind = 'csv' | 'html' | 'pdf'

export interface File {
  kind: Kind
  bytes: Uint8Array
}

/** Of one file: it must fit into an answer and into a document. */
const mostBytes = 6 * 2 ** 20
const timeoutMs = 60_000
const memoryMb = 256

/**
 * @returns the files, in the order asked for.
 * @throws ServiceError TOO_LARGE when a file is, or what it takes to make it; Error when it takes too long, or `signal` says so.
 */
export async function render(content: Content, kinds: readonly Kind[], signal: AbortSignal): Promise<File[]> {
  const worker = new Worker(new URL('./render-worker.ts', import.meta.url), {
    workerData: { content, kinds },
    resourceLimits: { maxOldGenerationSizeMb: memoryMb },
    // It needs no secrets.
    env: {},
  })
  const files: File[] = []
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
  try {
    await new Promise<void>((resolve, reject) => {
      limit.addEventListener('abort', () => reject(new Error('It took too long, or this process ends.')))
      worker.on('message', (file: File) => files.push(file))
      worker.on('error', error => reject(isOutOfMemory(error) ? tooLarge() : error))
      worker.on('exit', () => resolve())
    })
  } finally {
    await worker.terminate()
  }
  if (files.some(({ bytes }) => bytes.length > mostBytes)) throw tooLarge()
  return files
}

const isOutOfMemory = (error: unknown) =>
  error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY'

const tooLarge = () =>
  new ServiceError(status.RESOURCE_EXHAUSTED, 'The report is too large. Ask for a shorter span, or for fewer series.', {
    reason: 'TOO_LARGE',
  })
