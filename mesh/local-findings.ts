/** What can be told without the Console: by the processes of this machine, and by what the Envoys say. Pure. */
import type { Finding } from '@site11/proto/grpc/site11/console/v1/diagnostics_service.ts'
import { critical, finding, warning } from './envoy-findings.ts'
import type { EnvoyView } from './envoy-view.ts'
import type { ProcessStatus } from './process.ts'

/** Whom the Console cannot work without, as processes. */
const needed = ['mongod']

/** @param reason why the Console did not answer. */
export function localFindings(
  reason: string,
  processes: readonly ProcessStatus[],
  envoys: readonly EnvoyView[],
): Finding[] {
  const running = envoys.filter(({ problem }) => problem === '')
  return [
    consoleFinding(reason, processes, running),
    ...(running.length === 0 ? [noEnvoy(processes)] : running.flatMap(unserved)),
    ...processes.filter(({ name, state }) => state === 'failing' && name !== 'console').map(failing),
  ]
}

function consoleFinding(reason: string, processes: readonly ProcessStatus[], running: readonly EnvoyView[]): Finding {
  const own = processes.find(({ name }) => name === 'console')
  const down = processes.find(({ name, state }) => needed.includes(name) && state !== 'healthy')
  const still =
    running.length > 0
      ? 'Calls of services go on: Envoy and the services keep what they were told last. Signing in and new access tokens, the dashboard, and every change (instances that come, go or fail, contracts, keys) wait for the Console.'
      : 'Services still call each other; nothing reaches them from outside.'
  return finding({
    severity: critical,
    code: 'CONSOLE_DOWN',
    subject: 'mesh',
    problem: `The Console does not answer (${reason}). ${still}`,
    ...whyDown(own, down),
    since: own?.state === 'healthy' || own?.startedAt === undefined ? undefined : new Date(own.startedAt),
  })
}

function whyDown(own: ProcessStatus | undefined, down: ProcessStatus | undefined): { cause: string; nextStep: string } {
  if (down) {
    return {
      cause: `${down.name}, which the Console stands on, is ${down.state}${down.reason ? `: ${down.reason}` : ''}.`,
      nextStep: `Mend ${down.name} first: npm run mesh -- logs ${down.name}. The Console comes back by itself.`,
    }
  }
  if (!own || own.state === 'stopped') {
    return {
      cause: 'Its process does not run, and nothing starts it.',
      nextStep: 'Start the mesh anew: npm run mesh -- stop, then npm start. The data stays.',
    }
  }
  if (own.state === 'healthy') {
    return {
      cause: `Its process runs (pid ${own.pid}), but does not answer: it is frozen (SIGSTOP, swapping) or busy without end.`,
      nextStep: `Restart it, which no call of a service notices: npm run mesh -- restart console. If that hangs: kill -9 ${own.pid}, and it is started again.`,
    }
  }
  return {
    cause: `Its process is ${own.state}${own.reason ? `: ${own.reason}` : ''}, restarted ${own.restarts === 1 ? 'once' : `${own.restarts} times`}.`,
    nextStep: 'Its last words stand below; all of them: npm run mesh -- logs console. It is started again by itself.',
  }
}

const noEnvoy = (processes: readonly ProcessStatus[]) => {
  const states = processes
    .filter(({ name }) => name.startsWith('envoy'))
    .map(({ name, state }) => `${name} is ${state}`)
  return finding({
    severity: critical,
    code: 'NO_ENVOY',
    subject: 'mesh',
    problem: 'No Envoy answers at its admin page: nothing reaches the services from outside.',
    cause: states.length > 0 ? `${states.join(', ')}.` : 'None runs on this machine.',
    nextStep:
      'npm run mesh -- logs envoy says why. One that starts now serves what it had accepted last, even without the Console.',
  })
}

/** The services that an Envoy has nobody for. */
function unserved({ nodeId, services, state }: EnvoyView): Finding[] {
  const lost = [...services].filter(
    ([, endpoints]) => ![...endpoints.values()].some(({ status, ejected }) => status === 'healthy' && !ejected),
  )
  // Of the Console it is known already.
  const names = lost.map(([service]) => service).filter(service => service !== 'console')
  if (names.length === 0 && services.size > 0) return []
  return [
    finding({
      severity: critical,
      code: 'ENVOY_SERVES_NONE',
      subject: `proxies/${nodeId}`,
      problem:
        services.size === 0
          ? `${nodeId} (${state}) has no configuration, and so serves nothing.`
          : `${nodeId} has no healthy instance of ${names.join(', ')}: every call of these fails.`,
      cause:
        services.size === 0
          ? 'It was started without the Console, and nothing was kept of what it had accepted before.'
          : 'They failed or were gone before the Console was, or Envoy has ejected them since as requests to them failed.',
      nextStep: 'Bring the Console back first: only it can tell Envoy of instances that are well.',
    }),
  ]
}

const failing = ({ name, reason }: ProcessStatus) =>
  finding({
    severity: warning,
    code: 'PROCESS_FAILING',
    subject: `processes/${name}`,
    problem: `${name} is failing: ${reason ?? 'no reason is known'}.`,
    cause: 'Its log says it.',
    nextStep: `npm run mesh -- logs ${name}. It is started again by itself.`,
  })
