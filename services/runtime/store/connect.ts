/** The connection of a service to its database. */
import type { EventEmitter } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { type Db, MongoClient, MongoNetworkError } from 'mongodb'
import { unavailable } from '../errors.ts'
import { measureMongo } from '../telemetry/databases.ts'
import { storeError } from './store-error.ts'

/** How long anything waits for a database that does not answer, in ms. */
const PATIENCE_MS = 2000
const RECONNECT_MS = 250
const RELEASE_MS = 500

export interface Store {
  client: MongoClient
  /** The database that the URL names. */
  db: Db
  /** Resolves when the database answers; rejects, saying why, after 2 s at most. */
  ping(): Promise<void>
  close(): Promise<void>
}

/**
 * Connects to the database that `url` names. Returns at once: the database may come later, and may come and go. While it is away
 * operations fail within seconds; see `storeError`.
 *
 * Writes are acknowledged when a majority has them in its journal; reads see only what a majority has.
 * @throws Error when the URL is malformed or names no database.
 */
export function connectStore({ url, appName }: { url: string; appName: string }): Store {
  // The driver would take `test` for a missing name, and data would land there unnoticed.
  const name = /^mongodb(?:\+srv)?:\/\/[^/]+\/([^?]+)/.exec(url)?.[1]
  if (!name) throw new Error('The MongoDB URL names no database: it must be like mongodb://host:27017/users_db.')
  const client = new MongoClient(url, {
    appName,
    maxPoolSize: 10,
    writeConcern: { w: 'majority', journal: true, wtimeoutMS: 5000 },
    readConcern: { level: 'majority' },
    serverSelectionTimeoutMS: PATIENCE_MS,
    waitQueueTimeoutMS: PATIENCE_MS,
    // A heartbeat that is not answered ends the operations under way: so a frozen server is noticed, and slow work is not cut off.
    heartbeatFrequencyMS: PATIENCE_MS,
    connectTimeoutMS: PATIENCE_MS,
    ignoreUndefined: true,
    // Costs about 20 us a command; concurrent reads and inserts share one.
    monitorCommands: true,
  })
  measureMongo(client)
  const closed = new AbortController()
  let refusal: unknown
  void connect(client, closed.signal, error => {
    refusal = error
  })
  const releasing = setInterval(releaseStuck, RELEASE_MS, client).unref()
  const db = client.db(decodeURIComponent(name))
  return {
    client,
    db,
    async ping() {
      const signal = AbortSignal.timeout(PATIENCE_MS)
      try {
        await db.command({ ping: 1 }, { signal })
      } catch (error) {
        if (signal.aborted) throw unavailable('The database does not answer.')
        throw storeError(refusal ?? error)
      }
    },
    async close() {
      closed.abort()
      clearInterval(releasing)
      await client.close()
    },
  }
}

/**
 * Connects, however often it takes: a client whose first attempt failed stays closed otherwise. `tell` learns why an attempt
 * failed, or undefined.
 */
async function connect(client: MongoClient, closed: AbortSignal, tell: (error: unknown) => void): Promise<void> {
  while (!closed.aborted) {
    try {
      await client.connect()
      return tell(undefined)
    } catch (error) {
      tell(error)
      await wait(RECONNECT_MS, undefined, { signal: closed }).catch(() => {})
    }
  }
}

/** The part of the driver's inside that `releaseStuck` looks into. */
interface Inside {
  topology?: {
    s?: { servers?: Map<string, { pool?: { checkedOut?: Set<{ closed: boolean; socket: EventEmitter }> } }> }
  }
}

/**
 * Ends operations that wait for nothing. When a server closes a socket while the driver (7.9.0) writes to it, the driver can wait
 * for a `drain` that never comes: the operation hangs for ever, and its place in the pool is lost.
 */
function releaseStuck(client: MongoClient): void {
  const servers = (client as unknown as Inside).topology?.s?.servers ?? new Map()
  for (const { pool } of servers.values()) {
    for (const { closed, socket } of pool?.checkedOut ?? []) {
      if (closed) socket.emit('error', new MongoNetworkError('the connection was closed'))
    }
  }
}
