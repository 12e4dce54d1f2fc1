/** Puts the Console together and runs it. */
import type { Server as HttpServer } from 'node:http'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { AuthServiceService } from '@site11/proto/grpc/site11/console/v1/auth_service.ts'
import { RegistryServiceService } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import { UsersServiceService } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import { createVerifier } from '@site11/runtime/caller.ts'
import { createClient } from '@site11/runtime/client.ts'
import { contractOf } from '@site11/runtime/contract.ts'
import type { Log } from '@site11/runtime/log.ts'
import { setPeers } from '@site11/runtime/peers.ts'
import { addReflectionAndHealth, service } from '@site11/runtime/serve.ts'
import { closeServer, createServer, listen } from '@site11/runtime/server.ts'
import { connectStore, type Store } from '@site11/runtime/store/connect.ts'
import type { JSONWebKeySet } from 'jose'
import { authService } from './auth/service.ts'
import { createSessions } from './auth/sessions.ts'
import type { ConsoleConfig } from './config.ts'
import { createControlPlane } from './control-plane/server.ts'
import { checkContract, createEdge } from './edge.ts'
import { ensureAdmin } from './first-admin.ts'
import { type HealthReport, healthReport } from './health/report.ts'
import { createHealthWatch } from './health/watch.ts'
import { httpServer } from './http/server.ts'
import { staticFiles } from './http/static.ts'
import { loadKeys } from './keys/keys.ts'
import { meshStateFrom, originsOf, peersFrom } from './mesh-state.ts'
import { createOpenapi } from './openapi/openapi.ts'
import type { Json } from './openapi/schemas.ts'
import { consoleService, createOwnInstance, describeOwn } from './own.ts'
import { acceptJoinToken } from './registry/join.ts'
import { runRegistry } from './registry/live-registry.ts'
import { registryService } from './registry/service.ts'
import { createRegistryStore } from './registry/store.ts'
import { StartError } from './start-error.ts'
import { createTokens, isDue } from './tokens.ts'

/** How long calls under way may take when it closes. ms. */
const graceMs = 2500
/** How often keys and tokens are looked at. ms. */
const renewMs = 30_000

const definitions = [AuthServiceService, RegistryServiceService]

interface Serving {
  health(): HealthReport
  jwks(): JSONWebKeySet
  openapi(): Json
  close(): Promise<void>
}

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

async function serve(config: ConsoleConfig, version: string, store: Store, log: Log): Promise<Serving> {
  const now = Date.now
  const issuer = config.SITE11_PUBLIC_URL
  const { db } = store
  const own = await describeOwn(config, version, contractOf(definitions))
  const keys = await loadKeys({ db, secretKey: config.SITE11_SECRET_KEY, log })
  const tokens = createTokens(keys, issuer)
  const verifier = createVerifier()
  const registryStore = createRegistryStore(db)
  const registry = runRegistry(registryStore, await registryStore.load(now()), { log })
  const mesh = () => meshStateFrom(registry.state(), registry.contracts(), keys.jwks(), config, own)
  const peers = () => peersFrom(registry.state(), own)
  const controlPlane = createControlPlane({ joinToken: config.SITE11_JOIN_TOKEN, log })
  const edge = createEdge(controlPlane, mesh, log)
  let token = await tokens.internal(consoleService)
  const users = createClient(UsersServiceService, 'users', () => token.token)
  const watch = createHealthWatch(({ instance, startTime }, health) =>
    registry.apply({ type: 'health', instance, startTime, health }),
  )

  const server = createServer()
  const ownHealth = addReflectionAndHealth(server, definitions, { mongodb: store.ping }, { log })
  const ownInstance = createOwnInstance(config, own, ownHealth.dependencies, now)
  const attachments = registryService({
    registry,
    tokens,
    issuer,
    jwks: keys.jwks,
    peers,
    controlPlane,
    checkContract: (name, contract) => checkContract(mesh().services, { name, contract, instances: [] }),
    own: ownInstance,
    now,
  })
  const verify = (authorization: string | undefined) => verifier.verify(authorization)
  const authenticate = acceptJoinToken(config.SITE11_JOIN_TOKEN, metadata =>
    verify(metadata.get('authorization')[0]?.toString()),
  )
  const auth = authService({
    sessions: await createSessions(db, log),
    tokens,
    users,
    verify,
    cookie: { secure: issuer.startsWith('https:'), origins: originsOf(config) },
    now,
  })
  service(AuthServiceService, auth).add(server, { authenticate, log })
  service(RegistryServiceService, attachments.handlers).add(server, { authenticate, log })
  controlPlane.addTo(server)

  const follow = () => {
    setPeers(peers())
    edge.publish()
    watch.follow(registry.state().instances.values())
    attachments.push()
  }
  const takeKeys = () => verifier.setKeys({ issuer, jwks: keys.jwks() })
  registry.onChange(follow)
  keys.onChange(takeKeys)
  keys.onChange(follow)
  takeKeys()
  follow()

  const renew = async () => {
    if (isDue(token, now())) token = await tokens.internal(consoleService)
    await keys.rotate()
    attachments.push()
  }
  const renewing = setInterval(
    () =>
      renew().catch(error => log.warn({ reason: String(error) }, 'keys and tokens could not be renewed; trying again')),
    renewMs,
  )
  const ending = new AbortController()
  const close = async () => {
    ending.abort()
    clearInterval(renewing)
    watch.close()
    ownHealth.leave()
    await registry.close()
    controlPlane.close()
    await closeServer(server, graceMs)
    ownHealth.close()
    users.close()
  }
  try {
    await listen(server, config.SITE11_LISTEN.text)
  } catch (error) {
    await close()
    throw new StartError((error as Error).message)
  }

  const openapi = createOpenapi({ url: issuer, version })
  let adminProblem: string | undefined
  const admin = {
    users,
    home: config.SITE11_HOME,
    email: config.SITE11_ADMIN_EMAIL,
    password: config.SITE11_ADMIN_PASSWORD,
    log,
    signal: ending.signal,
  }
  void ensureAdmin(admin, problem => {
    adminProblem = problem
  })

  return {
    jwks: keys.jwks,
    openapi: () => openapi(mesh().services),
    health: () =>
      healthReport({
        registry: registry.state(),
        own: ownInstance(),
        proxies: controlPlane.proxies(),
        problems: [...edge.problems(), ...(adminProblem ? [adminProblem] : [])],
        nowMs: now(),
      }),
    close,
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
