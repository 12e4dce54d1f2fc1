/** Builds the dashboard and fails when signing in and seeing the overview takes more JavaScript than it may. Writes nothing. */
import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build, type Rolldown } from 'vite'

/** All scripts that are loaded until the overview is there, each packed by gzip as they are sent. bytes. */
const most = 250_000
const root = import.meta.dirname

/** What is loaded until then, and words of one language. */
const pages = ['src/main.tsx', 'src/account/login.tsx', 'src/ui/frame.tsx', 'src/overview/overview.tsx']
const words = ['src/i18n/en/base.ts', 'src/i18n/ko/base.ts']

// Without `watch` there is a result, and one for each of `output`.
const built = (await build({ root, logLevel: 'error', build: { write: false } })) as Rolldown.RolldownOutput
const chunks = new Map(built.output.flatMap(each => (each.type === 'chunk' ? [[each.fileName, each] as const] : [])))

/** @returns the chunk that a source is in; what was left out, or has another name now, would be counted as nothing. */
function chunkOf(source: string): string {
  for (const [name, { moduleIds }] of chunks) if (moduleIds.some(id => relative(root, id) === source)) return name
  throw new Error(`No chunk of the dashboard has ${source}: see console/web/check-size.ts.`)
}

function withImports(name: string, found = new Set<string>()): Set<string> {
  if (found.has(name)) return found
  found.add(name)
  for (const each of chunks.get(name)?.imports ?? []) withImports(each, found)
  return found
}

const packed = (code: string | Buffer) => gzipSync(code).length
const sizes = words.map(language => {
  const names = new Set([...pages, language].flatMap(source => [...withImports(chunkOf(source))]))
  return [...names].map(name => ({ name, bytes: packed(chunks.get(name)?.code ?? '') }))
})
const kilobytes = (bytes: number) => `${(bytes / 1000).toFixed(1)} KB`
const firstPaint = packed(readFileSync(join(root, 'public/first-paint.js')))
const sum = Math.max(...sizes.map(parts => parts.reduce((all, { bytes }) => all + bytes, firstPaint)))
if (sum > most) {
  const parts = sizes.flat().map(({ name, bytes }) => `  ${name}: ${kilobytes(bytes)}`)
  console.error(`Signing in and the overview take ${kilobytes(sum)} of JavaScript; ${kilobytes(most)} is the most.`)
  console.error([...new Set(parts)].join('\n'))
  process.exitCode = 1
}
