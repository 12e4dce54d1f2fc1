/** The dashboard's files, as the build left them. Only files that a scan of the folder found are served, so no path leads out of it. */
import { createHash } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import { extname, join, relative, sep } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'

const types: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
}
const compressible = /^(text\/|application\/(json|manifest)|image\/svg)/

export interface StaticFile {
  body: Buffer
  /** The same compressed, by the name of the encoding, the smallest first; empty where that does not pay. */
  encoded: readonly (readonly [name: 'br' | 'gzip', body: Buffer])[]
  type: string
  etag: string
  /** Whether the name changes with the content, as that of a built asset does. */
  immutable: boolean
}

export interface StaticFiles {
  /** @returns the file at a path such as `/assets/app.js`; undefined when the build has none. */
  at(path: string): Promise<StaticFile | undefined>
}

/** @param folder the build; it may appear or be replaced at any time. */
export function staticFiles(folder: string): StaticFiles {
  const cache = new Map<string, StaticFile>()
  let names = new Set<string>()
  let scanned = 0

  /** A new build has a new index. */
  async function scanIfChanged() {
    const changed = await stat(join(folder, 'index.html')).then(
      ({ mtimeMs }) => mtimeMs,
      () => 0,
    )
    if (changed === scanned) return
    cache.clear()
    const entries = changed === 0 ? [] : await readdir(folder, { recursive: true, withFileTypes: true })
    const files = entries
      .filter(entry => entry.isFile())
      .map(entry => relative(folder, join(entry.parentPath, entry.name)))
    names = new Set(files.map(file => `/${file.split(sep).join('/')}`))
    scanned = changed
  }

  return {
    async at(path) {
      await scanIfChanged()
      if (!names.has(path)) return undefined
      const known = cache.get(path)
      if (known) return known
      const file = await load(join(folder, path), path).catch(() => undefined)
      if (file) cache.set(path, file)
      return file
    },
  }
}

async function load(file: string, path: string): Promise<StaticFile> {
  const body = await readFile(file)
  const type = types[extname(path)] ?? 'application/octet-stream'
  const encoded = compressible.test(type) && body.length > 1024 ? await compressed(body) : []
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`
  return { body, encoded, type, etag, immutable: path.startsWith('/assets/') }
}

/** Once for each build, so it may take a moment; the strongest brotli would take ten times that for a few percent. */
async function compressed(body: Buffer): Promise<StaticFile['encoded']> {
  const params = { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_SIZE_HINT]: body.length }
  const [br, gzipped] = await Promise.all([promisify(brotliCompress)(body, { params }), promisify(gzip)(body)])
  return [
    ['br', br],
    ['gzip', gzipped],
  ]
}
