/** Puts deployments down in the journal. The supervisor tells of each again to a Console that is new, so what is there already is left. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Log } from '@site11/runtime/log.ts'
import type { Journal } from '../journal/journal.ts'
import { ControlError, watch } from './control-client.ts'
import type { SupervisedDeployment } from './message.ts'

const pauseMs = 1000
/** What ended longer ago was put down by a Console before, or never will be. ms. */
const recentMs = 24 * 60 * 60_000

/** Until the signal. */
export async function recordDeployments(
  socket: string,
  journal: Pick<Journal, 'record' | 'list'>,
  signal: AbortSignal,
  log: Log,
): Promise<void> {
  const known = new Map<string, Set<string>>()
  while (!signal.aborted) {
    try {
      for await (const each of watch(socket, '/follow-deployments', {}, signal)) {
        const deployment = each as SupervisedDeployment
        const ended = deployment.endTime === undefined ? Date.now() : Date.parse(deployment.endTime)
        if (Date.now() - ended < recentMs) await put(deployment, journal, known)
      }
    } catch (error) {
      if (signal.aborted) return
      // One that is away is the supervisor's to tell of.
      const level = error instanceof ControlError && error.kind === 'away' ? 'debug' : 'warn'
      log[level]({ reason: String(error) }, 'deployments are not heard of; trying again')
    }
    await wait(pauseMs, undefined, { signal }).catch(() => {})
  }
}

/** @param known the actions that were put down of each deployment. */
async function put(
  from: SupervisedDeployment,
  journal: Pick<Journal, 'record' | 'list'>,
  known: Map<string, Set<string>>,
) {
  const subject = `deployments/${from.deployment}`
  const actions = known.get(subject) ?? new Set(await actionsOf(subject, journal))
  known.set(subject, actions)
  const record = (action: string, actor: string, reason: string) => {
    if (actions.has(action)) return
    actions.add(action)
    journal.record({ actor, action, subject, reason })
  }
  const { service, version, previousVersion, canaryPercent, actor, state } = from
  const what = version === previousVersion ? `${service} ${version} anew` : `${service} ${previousVersion} → ${version}`
  const canary = canaryPercent > 0 ? `, with ${canaryPercent} % of the requests at first` : ''
  const cost = `${from.requests} requests were answered by the new one, ${from.failedRequests} of them failed`
  record('deployment.started', actor, `${what}${canary}`)
  if (state === 'succeeded') record('service.deployed', actor, `${what}; ${cost}`)
  // Nobody asks for these: the mesh does so by itself, or says in the reason who did.
  if (state === 'rolled_back') record('deployment.rolled_back', 'console', `${what}; ${cost}; ${from.reason}`)
  if (state === 'failed') record('deployment.failed', 'console', `${what}; ${cost}; ${from.reason}`)
}

async function actionsOf(subject: string, journal: Pick<Journal, 'list'>): Promise<string[]> {
  const changes = await journal.list({ filter: `subject = "${subject}"`, limit: 10 })
  return changes.map(({ action }) => action)
}
