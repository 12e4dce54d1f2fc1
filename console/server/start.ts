/** Puts the Console together and runs it. */
import { createHash } from 'node:crypto'
import type { Server as HttpServer } from 'node:http'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { AuthServiceService } from '@site11/proto/grpc/site11/console/v1/auth_service.ts'
import { type Dependency, RegistryServiceService } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
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
import { contractsFrom } from './control-plane/contract.ts'
import { createControlPlane } from './control-plane/server.ts'
import type { ServiceState } from './control-plane/state.ts'
import { createEdge } from './edge.ts'
import { ensureAdmin } from './first-admin.ts'
import { type HealthReport, healthReport } from './health/report.ts'
import { createHealthWatch } from './health/watch.ts'
import { httpServer } from './http/server.ts'
import { staticFiles } from './http/static.ts'
import { loadKeys } from './keys/keys.ts'
import { consoleService, meshStateFrom, type Own, originsOf, peersFrom } from './mesh-state.ts'
import { createOpenapi } from './openapi/openapi.ts'
import type { Json } from './openapi/schemas.ts'
import { acceptJoinToken } from './registry/join.ts'
import { runRegistry } from './registry/live-registry.ts'
import type { Health, Instance } from './registry/registry.ts'
import { registryService } from './registry/service.ts'
import { createRegistryStore } from './registry/store.ts'
import { type Endpoint, resolveAddress } from './resolve.ts'
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
 * @throws StartError when the stored keys cannot be decrypted; Error naming the address when a port is taken.
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
  const keys = await loadKeys({ db, secretKey: config.SITE11_SECRET_KEY, log })
  const tokens = createTokens(keys, issuer)
  const verifier = createVerifier()
  const registryStore = createRegistryStore(db)
  const registry = runRegistry(registryStore, await registryStore.load(now()), { log })
  const own: Own = {
    version,
    contract: contractOf(definitions),
    grpc: await reachable('SITE11_ADVERTISE', config.SITE11_ADVERTISE ?? config.SITE11_LISTEN),
    http: await reachable('SITE11_HTTP_ADVERTISE', config.SITE11_HTTP_ADVERTISE ?? config.SITE11_HTTP_LISTEN),
  }
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
  const ownHealth = addReflectionAndHealth(server, definitions, { mongodb: store.ping }, log)
  const ownInstance = describeOwn(config, own, ownHealth.dependencies, now)
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
  await listen(server, config.SITE11_LISTEN.text)

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
  const openapi = createOpenapi({ url: issuer, version })
  const ending = new AbortController()
  let hasAdmin = false
  void ensureAdmin({
    users,
    home: config.SITE11_HOME,
    email: config.SITE11_ADMIN_EMAIL,
    password: config.SITE11_ADMIN_PASSWORD,
    log,
    signal: ending.signal,
  }).then(() => {
    hasAdmin = true
  })

  return {
    jwks: keys.jwks,
    openapi: () => openapi(mesh().services),
    health: () =>
      healthReport({
        registry: registry.state(),
        own: ownInstance(),
        proxies: controlPlane.proxies(),
        problems: [...edge.problems(), ...(hasAdmin ? [] : ['The first admin is not made yet.'])],
        nowMs: now(),
      }),
    async close() {
      ending.abort()
      clearInterval(renewing)
      watch.close()
      ownHealth.leave()
      await registry.close()
      controlPlane.close()
      await closeServer(server, graceMs)
      ownHealth.close()
      users.close()
    },
  }
}

/** Where others reach us. @param variable the setting that says so. */
async function reachable(variable: string, { text }: { text: string }): Promise<Endpoint> {
  try {
    return await resolveAddress(text)
  } catch (error) {
    throw new StartError(`${variable} must say where others reach the Console: ${(error as Error).message}`)
  }
}

/** @returns the Console as one of the instances. */
function describeOwn(
  config: ConsoleConfig,
  { version, contract }: Own,
  dependencies: () => Dependency[],
  now: () => number,
) {
  const startTime = new Date(now())
  const contractHash = createHash('sha256').update(contract).digest('hex')
  let health: Health = { status: 'healthy', since: startTime, reason: '' }
  return (): Instance => {
    const found = dependencies()
    const status = found.every(({ healthy }) => healthy) ? 'healthy' : 'failing'
    if (status !== health.status) health = { status, since: new Date(now()), reason: '' }
    return {
      service: consoleService,
      instance: config.SITE11_INSTANCE,
      version,
      address: (config.SITE11_ADVERTISE ?? config.SITE11_LISTEN).text,
      ...grpc,
      zone: config.SITE11_ZONE,
      startTime,
      contractHash,
      stream: 0,
      seenMs: now(),
      draining: false,
      health,
      dependencies: found,
    }
  }
}

/** @throws Error when the edge could be configured with what there is, but not with the new contract. */
function checkContract(services: ServiceState[], candidate: ServiceState): void {
  const others = services.filter(({ name }) => name !== candidate.name)
  try {
    contractsFrom([...others, candidate])
  } catch (error) {
    // Where the others do not fit together themselves, the newcomer is not at fault unless it is malformed by itself.
    if (fits(others) || !fits([candidate])) throw error
  }
}

function fits(services: ServiceState[]): boolean {
  try {
    contractsFrom(services)
    return true
  } catch {
    return false
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
