/** The Console at work: what it knows, what it tells proxies and instances, and the services it offers. */
import { AuthServiceService } from '@site11/proto/grpc/site11/console/v1/auth_service.ts'
import { DiagnosticsServiceService } from '@site11/proto/grpc/site11/console/v1/diagnostics_service.ts'
import { EventsServiceService } from '@site11/proto/grpc/site11/console/v1/events_service.ts'
import { OperationsServiceService } from '@site11/proto/grpc/site11/console/v1/operations_service.ts'
import { RegistryServiceService } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import { MetricsServiceService } from '@site11/proto/grpc/site11/statistics/v1/metrics_service.ts'
import { UsersServiceService } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import { authenticateWith } from '@site11/runtime/caller.ts'
import { createClient } from '@site11/runtime/client.ts'
import { contractOf } from '@site11/runtime/contract.ts'
import type { Log } from '@site11/runtime/log.ts'
import { setPeers } from '@site11/runtime/peers.ts'
import { addReflectionAndHealth, service } from '@site11/runtime/serve.ts'
import { closeServer, createServer, listen } from '@site11/runtime/server.ts'
import type { Store } from '@site11/runtime/store/connect.ts'
import { logBreakers } from '@site11/runtime/target.ts'
import { startTelemetry } from '@site11/runtime/telemetry/telemetry.ts'
import type { JSONWebKeySet } from 'jose'
import { authService } from './auth/service.ts'
import { createSessions } from './auth/sessions.ts'
import type { ConsoleConfig } from './config.ts'
import { createControlPlane } from './control-plane/server.ts'
import { secretsOf } from './diagnostics/secrets.ts'
import { diagnosticsService } from './diagnostics/service.ts'
import { checkContract, createEdge } from './edge.ts'
import { edgeCertificateOf } from './edge-certificate.ts'
import { connectEvents } from './events/connect.ts'
import { defaultAdmin, ensureAdmin } from './first-admin.ts'
import { createFollower } from './follow.ts'
import { type HealthReport, healthReport } from './health/report.ts'
import { createHealthWatch } from './health/watch.ts'
import type { StaticFile } from './http/static.ts'
import { recordConsole } from './journal/record.ts'
import { loadKnown } from './known.ts'
import { meshStateFrom, originsOf, peersFrom } from './mesh-state.ts'
import { admitToMetrics } from './metrics/admission.ts'
import { createCollector } from './metrics/collect.ts'
import { readEnvoy } from './metrics/envoy.ts'
import { createDescriptorsFile } from './openapi/descriptors.ts'
import { createOpenapi } from './openapi/openapi.ts'
import type { Json } from './openapi/schemas.ts'
import { recordDeployments } from './operations/journal.ts'
import { operationsService } from './operations/service.ts'
import { acceptOperatorToken } from './operator.ts'
import { consoleService, createOwnInstance, describeOwn } from './own.ts'
import { acceptJoinToken } from './registry/join.ts'
import { registryService } from './registry/service.ts'
import { withSharedMessages } from './registry/shared-messages.ts'
import { createOwnToken, keepRenewed } from './renewal.ts'
import { StartError } from './start-error.ts'
import { tracingOf } from './tracing.ts'

/** How long calls under way may take when it closes. ms. */
const graceMs = 2500
/** Looking at the whole mesh after a change costs some ms where there are a thousand instances: at most so often. ms. */
const followMs = 20

const definitions = [
  AuthServiceService,
  RegistryServiceService,
  DiagnosticsServiceService,
  EventsServiceService,
  OperationsServiceService,
]
const nobody: ReadonlySet<string> = new Set()

export interface Serving {
  health(): HealthReport
  jwks(): JSONWebKeySet
  openapi(): Json
  descriptors(): StaticFile
  /** The metrics of the mesh. @throws ServiceError for who may not read them. */
  metrics(authorization: string | undefined): Promise<string>
  close(): Promise<void>
}

/**
 * Serves once all that was known is loaded again: nothing is published before.
 * @throws StartError when the stored keys cannot be decrypted, a port is taken, or others could not reach it.
 */
export async function serve(config: ConsoleConfig, version: string, store: Store, log: Log): Promise<Serving> {
  const now = Date.now
  const issuer = config.SITE11_PUBLIC_URL
  const own = await describeOwn(config, version, contractOf(definitions))
  const certificate = await edgeCertificateOf(config, log)
  const { keys, authorities, identity, trust, journal, registry, tokens, verifier } = await loadKnown(
    config,
    store,
    log,
  )
  const tracing = tracingOf(config)

  const server = createServer()
  const sessions = await createSessions(store, config.SITE11_SECRET_KEY, log)
  const events = await connectEvents(config, store, sessions, log)
  const ownHealth = addReflectionAndHealth(
    server,
    definitions,
    { mongodb: store.ping },
    { log, dispensable: events.probes },
  )
  const ownInstance = createOwnInstance(config, own, ownHealth.dependencies, now)
  const controlPlane = createControlPlane({
    joinToken: config.SITE11_JOIN_TOKEN,
    certificateOf: trust.certificateOfProxy,
    home: config.SITE11_HOME,
    log,
  })
  const mesh = (waiting: ReadonlySet<string>) =>
    meshStateFrom({
      registry: registry.state(),
      contracts: registry.contracts(),
      waiting,
      jwks: keys.jwks(),
      tls: certificate?.current(),
      trustBundle: authorities.bundle(),
      tracing,
      config,
      own,
    })
  const edge = createEdge({
    controlPlane,
    state: mesh,
    lastChange: journal.last,
    services: () => registry.state().services,
    judge: event => registry.apply(event),
    log,
  })
  const watch = createHealthWatch(
    ({ instance, startTime }, health) => registry.apply({ type: 'health', instance, startTime, health }),
    identity,
  )
  const token = await createOwnToken(tokens)
  const telemetry = startTelemetry({
    service: consoleService,
    instance: config.SITE11_INSTANCE,
    version,
    listen: config.SITE11_METRICS_LISTEN,
    send: createClient(MetricsServiceService, 'statistics', token.current, identity).reportMetrics,
    log,
  })
  const collector = createCollector({
    instances: () => registry.state().instances.values(),
    ask: (instance, number) => attachments.askMetrics(instance, number),
    proxies: () =>
      new Map([...controlPlane.adminPorts()].map(([name, port]) => [name, () => readEnvoy(name, port)] as const)),
    own: { page: telemetry.page, instance: config.SITE11_INSTANCE, version },
    log,
  })
  const attachments = registryService({
    registry,
    journal,
    tokens,
    authorities,
    keys,
    issuer,
    jwks: keys.jwks,
    controlPlane,
    checkContract: (name, contract) => checkContract(mesh(nobody).services, { name, contract, instances: [] }),
    own: ownInstance,
    onMetrics: collector.received,
    now,
  })

  let adminProblem: string | undefined
  const configurationProblems = () => [...edge.problems(), certificate?.problem() ?? [], trust.problem() ?? []].flat()
  const health = () => {
    const stuck = journal.problem()
    return healthReport({
      registry: registry.state(),
      own: ownInstance(),
      proxies: controlPlane.proxies(),
      problems: [
        ...configurationProblems(),
        ...controlPlane.problems(),
        ...(stuck ? [`Changes cannot be stored since ${stuck.since.toISOString()}: ${stuck.reason}`] : []),
        ...(adminProblem ? [adminProblem] : []),
      ],
      nowMs: now(),
    })
  }

  const stopLogging = logBreakers(log)
  const users = createClient(UsersServiceService, 'users', token.current, identity)
  const verify = (authorization: string | undefined) => verifier.verify(authorization)
  const auth = authService({
    sessions,
    tokens,
    users,
    verify,
    cookie: { secure: issuer.startsWith('https:'), origins: originsOf(config) },
    generatedFor: config.SITE11_ADMIN_PASSWORD ? undefined : (config.SITE11_ADMIN_EMAIL ?? defaultAdmin),
    record: journal.record,
    now,
  })
  const diagnostics = diagnosticsService({
    registry,
    journal,
    // What was put down since the last publication, and concerns no proxy, is then published as well.
    controlPlane: {
      ...controlPlane,
      waitForAcks(wanted) {
        follower.soon()
        return controlPlane.waitForAcks(wanted)
      },
    },
    events,
    own: ownInstance,
    health,
    contracts: () => mesh(nobody).services,
    secrets: () => secretsOf({ keys, authorities, edge: certificate?.facts() }),
    problems: () => [...configurationProblems(), certificate?.warning() ?? []].flat(),
    pageSecret: config.SITE11_SECRET_KEY.toString('base64'),
    now,
  })
  const authenticate = acceptOperatorToken(
    config.SITE11_OPERATOR_TOKEN,
    acceptJoinToken(config.SITE11_JOIN_TOKEN, authenticateWith(verifier)),
  )
  service(AuthServiceService, auth).add(server, { authenticate, log })
  service(withSharedMessages(RegistryServiceService), attachments.handlers).add(server, { authenticate, log })
  service(DiagnosticsServiceService, diagnostics).add(server, { authenticate, log })
  service(EventsServiceService, events.handlers).add(server, { authenticate, log })
  service(OperationsServiceService, operationsService(config.SITE11_SUPERVISOR)).add(server, { authenticate, log })
  controlPlane.addTo(server)

  const takeKeys = () => verifier.setKeys({ issuer, jwks: keys.jwks() })
  const follower = createFollower(() => {
    setPeers(peersFrom(registry.state(), own))
    edge.publish()
    watch.follow(registry.state().instances.values())
  }, followMs)
  // What changed without a trace in the journal concerns nobody who routes.
  registry.onChange(change => change > 0 && follower.soon())
  certificate?.onChange(follower.soon)
  keys.onChange(() => {
    takeKeys()
    attachments.push()
    follower.soon()
  })
  // Before anybody is told of what was signed anew.
  authorities.onChange(() => {
    trust.renew()
    attachments.push()
    controlPlane.certify()
    follower.soon()
  })
  const stopped = recordConsole({ journal, controlPlane, keys, authorities, version })
  takeKeys()
  follower.now()

  const stopRenewing = keepRenewed({ keys, authorities, trust, token, controlPlane, attachments, log })
  // Asked for now and then, so that it knows since when it is as it is.
  const looking = setInterval(ownInstance, 1000)
  const ending = new AbortController()
  if (config.SITE11_SUPERVISOR) void recordDeployments(config.SITE11_SUPERVISOR, journal, ending.signal, log)
  const close = async () => {
    ending.abort()
    stopRenewing()
    clearInterval(looking)
    certificate?.close()
    follower.close()
    watch.close()
    ownHealth.leave()
    registry.close()
    stopped()
    controlPlane.close()
    await closeServer(server, graceMs)
    await events.close()
    await journal.close()
    ownHealth.close()
    users.close()
    await telemetry.close()
    stopLogging()
  }
  try {
    await listen(server, config.SITE11_LISTEN.text, identity.openServer())
  } catch (error) {
    await close()
    throw new StartError((error as Error).message)
  }

  const openapi = createOpenapi({ url: issuer, version })
  const descriptors = createDescriptorsFile()
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
  const admit = admitToMetrics(config.SITE11_METRICS_TOKEN, verify)
  const contractsInForce = () => mesh(nobody).services
  return {
    jwks: keys.jwks,
    openapi: () => openapi(contractsInForce()),
    descriptors: () => descriptors(contractsInForce()),
    health,
    async metrics(authorization) {
      await admit(authorization)
      return collector.page()
    },
    close,
  }
}
