/** Makes the files of one report, in a thread of its own: a PDF takes long, and nothing else must wait for it. */
import { parentPort, workerData } from 'node:worker_threads'
import type { Content } from './content.ts'
import { csvOf } from './csv.ts'
import { htmlOf } from './html.ts'
import type { Kind } from './render.ts'

const { content, kinds }: { content: Content; kinds: Kind[] } = workerData

async function bytesOf(kind: Kind): Promise<Uint8Array> {
  if (kind === 'csv') return new TextEncoder().encode(csvOf(content))
  if (kind === 'html') return new TextEncoder().encode(htmlOf(content))
  // Only who needs it pays for it.
  const { pdfOf } = await import('./pdf.ts')
  return pdfOf(content)
}

for (const kind of kinds) parentPort?.postMessage({ kind, bytes: await bytesOf(kind) })
