import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { MeshError } from './errors.ts'

/** Everything listens on loopback at a fixed distance from the edge port; instances of services and further Envoys follow, in slots of their own. */
const distances = { edge: 0, envoyAdmin: 1, consoleHttp: 2, consoleGrpc: 3, failover: 4, mongod: 17, redis: 79 }
const firstSlot = 100
const slots = 100

export type Ports = Record<keyof typeof distances, number>

/** The port table. `edgePort` is SITE11_PORT as the operator wrote it, 8000 when unset. Throws MeshError when it is not a usable port. */
export function portsFrom(edgePort = '8000'): Ports {
  const edge = Number(edgePort)
  const highest = 65_535 - firstSlot - slots
  if (!/^\d+$/.test(edgePort) || edge < 1 || edge > highest) {
    throw new MeshError(
      `SITE11_PORT must be a number from 1 to ${highest}, not "${edgePort}". For example: SITE11_PORT=9000 npm start`,
    )
  }
  return Object.fromEntries(Object.entries(distances).map(([name, distance]) => [name, edge + distance])) as Ports
}

/** The first free slot. `taken`: ports that instances hold, kept by each for its life. */
export async function slotFor(edge: number, taken: Iterable<number>): Promise<number> {
  const held = new Set(taken)
  for (let port = edge + firstSlot; port < edge + firstSlot + slots; port++) {
    if (!held.has(port) && (await isFree(port))) return port
  }
  throw new MeshError(
    `All ports from ${edge + firstSlot} to ${edge + firstSlot + slots - 1} are taken: scale something down first.`,
  )
}

/** Throws one MeshError naming every busy port and what holds it. */
export async function requireFree(ports: Ports, host = '127.0.0.1'): Promise<void> {
  const entries = Object.entries(ports)
  const free = await Promise.all(entries.map(([name, port]) => isFree(port, name === 'edge' ? host : undefined)))
  const busy = entries.filter((_, index) => !free[index])
  if (busy.length === 0) return
  const named = busy.map(([name, port]) => {
    const holder = holderOf(port)
    return `port ${port} (${name}) is held by ${holder ? `${holder.command} (pid ${holder.pid})` : 'another process'}`
  })
  const other = ports.edge === 9000 ? 10_000 : 9000
  throw new MeshError(`Busy: ${named.join(', ')}. End it, or take other ports: SITE11_PORT=${other} npm start`)
}

function isFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false)
      else if (error.code === 'EACCES')
        reject(new MeshError(`Port ${port} needs more rights: take one above 1023, SITE11_PORT=9000 npm start`))
      else if (error.code === 'EADDRNOTAVAIL')
        reject(
          new MeshError(
            `SITE11_BIND=${host} is no address of this machine: take 127.0.0.1, or 0.0.0.0 for all it has.`,
          ),
        )
      else reject(error)
    })
    server.listen({ port, host }, () => server.close(() => resolve(true)))
  })
}

/** Best effort: the process that listens on a TCP port, if this user may see it. */
export function holderOf(port: number): { pid: number; command: string } | undefined {
  try {
    return process.platform === 'linux' ? holderFromProc(port) : holderFromLsof(port)
  } catch {
    return undefined
  }
}

function holderFromProc(port: number) {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const sockets = new Set<string>()
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of readFileSync(table, 'utf8').split('\n').slice(1)) {
      const columns = line.trim().split(/\s+/)
      // Columns: 1 local address, 3 state (0A is LISTEN), 9 inode.
      if (columns[1]?.endsWith(wanted) && columns[3] === '0A') sockets.add(`socket:[${columns[9]}]`)
    }
  }
  for (const pid of readdirSync('/proc').filter(name => /^\d+$/.test(name))) {
    try {
      for (const fd of readdirSync(`/proc/${pid}/fd`)) {
        if (!sockets.has(readlinkSync(`/proc/${pid}/fd/${fd}`))) continue
        return { pid: Number(pid), command: readFileSync(`/proc/${pid}/comm`, 'utf8').trim() }
      }
    } catch {
      // Another user's, or gone meanwhile.
    }
  }
  return undefined
}

function holderFromLsof(port: number) {
  const output = execFileSync('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fpc'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const pid = /^p(\d+)$/m.exec(output)?.[1]
  return pid ? { pid: Number(pid), command: /^c(.+)$/m.exec(output)?.[1] ?? 'unknown' } : undefined
}
