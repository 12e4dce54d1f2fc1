/** DiagnosticsService: what each part of the mesh believes, what is wrong, and what has changed. */
import type {
  DiagnosticsServiceService,
  ListSecretsResponse,
} from '@site11/proto/grpc/site11/console/v1/diagnostics_service.ts'
import type { Handlers } from '@site11/runtime/call.ts'
import { invalidArgument } from '@site11/runtime/errors.ts'
import { createPageTokens } from '@site11/runtime/store/page-token.ts'
import type { ControlPlane } from '../control-plane/server.ts'
import type { ConsoleEvents } from '../events/connect.ts'
import type { HealthReport } from '../health/report.ts'
import type { Journal } from '../journal/journal.ts'
import { fieldsOf } from '../registry/fields.ts'
import type { LiveRegistry } from '../registry/live-registry.ts'
import { instanceMessage } from '../registry/message.ts'
import type { Instance } from '../registry/registry.ts'
import { instanceBeliefs } from './beliefs.ts'
import { listChanges, verifyChanges, watchChanges } from './changes.ts'
import { findingsOf } from './findings.ts'
import { healthMessage } from './health.ts'
import type { InForce } from './in-force.ts'
import { listRoutes } from './routes.ts'
import { createMeshFeed } from './watch-mesh.ts'
import { listWidgets } from './widgets.ts'

export interface DiagnosticsOptions {
  registry: Pick<LiveRegistry, 'state' | 'refusals' | 'onChange'>
  journal: Pick<Journal, 'get' | 'last' | 'list' | 'problem' | 'subjects' | 'verify' | 'watch'>
  controlPlane: Pick<ControlPlane, 'beliefs' | 'onChange' | 'problems' | 'proxies' | 'waitForAcks'>
  events: Pick<ConsoleEvents, 'deadLetters'>
  /** The Console as one of the instances. */
  own(): Instance
  health(): HealthReport
  /** The contracts that proxies are given. */
  contracts(): readonly InForce[]
  /** What the mesh trusts by, and who shows which certificate. */
  secrets(): ListSecretsResponse
  /** Why the configuration of the proxies is not what the registry says, if so. */
  problems(): string[]
  /** Seals page tokens: the same for all Consoles of a mesh. */
  pageSecret: string
  now(): number
}

const defaultWaitMs = 10_000
/** How long is waited for what is asked of databases. ms. */
const askMs = 2000

export function diagnosticsService(options: DiagnosticsOptions): Handlers<typeof DiagnosticsServiceService> {
  const { registry, journal, controlPlane, events, own, health, problems, now } = options
  const tokens = createPageTokens(options.pageSecret)
  const beliefs = () => {
    const nowMs = now()
    const instances = [...registry.state().instances.values(), own()]
    return instanceBeliefs(
      instances.map(each => instanceMessage(each, nowMs)),
      controlPlane.proxies(),
      controlPlane.beliefs(),
    )
  }
  const feed = createMeshFeed(() => ({
    instances: beliefs(),
    proxies: controlPlane.proxies(),
    health: healthMessage(health()),
    lastChange: journal.last(),
  }))
  registry.onChange(feed.changed)
  controlPlane.onChange(feed.changed)

  return {
    async diagnose() {
      const proxies = controlPlane.proxies()
      const refused = proxies.flatMap(({ types }) => types.flatMap(({ nackChanges }) => nackChanges))
      const [changes, deadLetters] = await Promise.all([
        soon(refused.length > 0 ? journal.get([...new Set(refused)]) : []),
        soon(events.deadLetters()),
      ])
      const nowMs = now()
      const findings = findingsOf({
        beliefs: beliefs(),
        services: registry.state().services,
        expected: health().services.map(({ name }) => name),
        proxies: controlPlane.proxies(),
        changes,
        refusals: registry.refusals(),
        deadLetters,
        journalProblem: journal.problem(),
        controlPlaneProblems: controlPlane.problems(),
        configurationProblems: problems(),
        nowMs,
      })
      return { findings, checkTime: new Date(nowMs) }
    },

    async listBeliefs({ service }) {
      return { instances: beliefs().filter(each => !service || each.instance?.service === service) }
    },

    watchMesh: (_, { signal }) => feed.watch(signal),

    async waitForAcks({ change, timeout }, { signal }) {
      const last = journal.last()
      if (change > last) {
        const message = `There is no change ${change} yet: the last one is ${last}.`
        throw invalidArgument('INVALID_FIELD', message, [{ field: 'change', description: message }])
      }
      const timeoutMs = timeout ? timeout.seconds * 1000 + timeout.nanos / 1e6 : defaultWaitMs
      const answer = await controlPlane.waitForAcks({ ...(change > 0 && { change }), timeoutMs, signal })
      return { taken: answer.waiting.length === 0, ...answer }
    },

    listChanges: request => listChanges(request, journal, tokens),

    watchChanges: ({ after }, { signal }) => watchChanges(after, journal, signal),

    listRoutes: async () => listRoutes(options.contracts(), registry.state().services),

    listWidgets: async () => listWidgets(options.contracts()),

    listSecrets: async () => options.secrets(),

    verifyChanges: () => verifyChanges(journal, () => fieldsOf(registry.state())),
  }
}

/** @returns what was found, or nothing when that takes long or fails: a diagnosis is wanted most when something is down. */
async function soon<T>(asked: T[] | Promise<T[]>): Promise<T[]> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<T[]>(resolve => {
    timer = setTimeout(resolve, askMs, [])
  })
  try {
    return await Promise.race([asked, late])
  } catch {
    return []
  } finally {
    clearTimeout(timer)
  }
}
