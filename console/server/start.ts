/** Starts the Console: plain HTTP first, so that it can be asked whether it lives; then, once its database answers, all else. */
import type { Server as HttpServer } from 'node:http'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Log } from '@site11/runtime/log.ts'
import { connectStore, type Store } from '@site11/runtime/store/connect.ts'
import type { ConsoleConfig } from './config.ts'
import { httpServer } from './http/server.ts'
import { staticFiles } from './http/static.ts'
import { type Serving, serve } from './serve.ts'
import { StartError } from './start-error.ts'

/**
 * Starts. Waits for its database; everything else may come later.
 * @returns a function that ends all streams, so that instances and proxies come back to the next Console, and closes.
 * @throws StartError when the stored keys cannot be decrypted, a port is taken, or others could not reach it.
 */
export async function startConsole(config: ConsoleConfig, version: string, log: Log): Promise<() => Promise<void>> {
  let serving: Serving | undefined
  const http = httpServer({
    live: () => serving !== undefined,
    health: () => serving?.health(),
    jwks: () => serving?.jwks(),
    openapi: () => serving?.openapi(),
    descriptors: () => serving?.descriptors(),
    metrics: authorization => serving?.metrics(authorization),
    files: staticFiles(join(import.meta.dirname, '../web/dist')),
    log,
  })
  await listenHttp(http, config.SITE11_HTTP_LISTEN)
  const store = connectStore({ url: config.SITE11_MONGO_URL, appName: config.SITE11_INSTANCE })
  const closeOuter = async () => {
    http.close()
    http.closeAllConnections()
    await store.close()
  }
  try {
    await answers(store, log)
    serving = await serve(config, version, store, log)
  } catch (error) {
    await closeOuter()
    throw error
  }
  log.info({ grpc: config.SITE11_LISTEN.text, http: config.SITE11_HTTP_LISTEN.text, version }, 'the Console listens')
  const { close } = serving
  return async () => {
    await close()
    await closeOuter()
  }
}

/** Waits until the store answers. */
async function answers(store: Store, log: Log): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await store.ping()
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      if (attempt % 10 === 1) log.warn({ reason }, 'waiting for MongoDB')
      await wait(500)
    }
  }
}

function listenHttp(
  server: HttpServer,
  { host, port, text }: { host: string; port: number; text: string },
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', error => reject(new StartError(`Cannot listen on ${text}: ${error.message}`)))
    server.listen(port, host, () => resolve())
  })
}
