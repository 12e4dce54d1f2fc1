/** OperationsService: hands on to the supervisor of the processes, which lives longer than this Console. */
import { status } from '@grpc/grpc-js'
import type { OperationsServiceService } from '@site11/proto/grpc/site11/console/v1/operations_service.ts'
import type { Handlers } from '@site11/runtime/call.ts'
import { failedPrecondition, invalidArgument, ServiceError, unavailable } from '@site11/runtime/errors.ts'
import { actorOf } from '../registry/service.ts'
import { ask, ControlError, watch } from './control-client.ts'
import {
  deploymentMessage,
  linesMessage,
  type SupervisedDeployment,
  type SupervisedLines,
  supervisedLevel,
} from './message.ts'

/** @param socket of the supervisor; without one every method answers NO_SUPERVISOR. */
export function operationsService(socket: string | undefined): Handlers<typeof OperationsServiceService> {
  const supervisor = () => {
    if (socket) return socket
    throw failedPrecondition(
      'NO_SUPERVISOR',
      'Nothing supervises the processes of this mesh that the Console could ask. Use what has started them.',
    )
  }
  const answer = async <T>(what: string, body: object, signal: AbortSignal): Promise<T> => {
    try {
      return (await ask(supervisor(), what, body, signal)) as T
    } catch (error) {
      throw serviceError(error)
    }
  }
  async function* answers<T>(what: string, body: object, signal: AbortSignal): AsyncGenerator<T> {
    try {
      yield* watch(supervisor(), what, body, signal) as AsyncGenerator<T>
    } catch (error) {
      throw serviceError(error)
    }
  }

  return {
    scaleService: ({ service, instances }, { signal }) => answer('/scale-service', { service, instances }, signal),
    async restartInstance({ instance }, { signal }) {
      await answer('/restart-instance', { instance }, signal)
      return {}
    },
    async createDeployment({ service, version, canaryPercent, canaryDuration }, call) {
      const canaryMs = canaryDuration ? canaryDuration.seconds * 1000 + Math.round(canaryDuration.nanos / 1e6) : 0
      const body = { service, version, canaryPercent, canaryMs, actor: actorOf(call) }
      return { deployment: deploymentMessage(await answer<SupervisedDeployment>('/deploy', body, call.signal)) }
    },
    async cancelDeployment({ deployment }, call) {
      const body = { deployment, actor: actorOf(call) }
      return {
        deployment: deploymentMessage(await answer<SupervisedDeployment>('/cancel-deployment', body, call.signal)),
      }
    },
    async listDeployments({ service }, { signal }) {
      const deployments = await answer<SupervisedDeployment[]>('/deployments', { service }, signal)
      return { deployments: deployments.map(deploymentMessage) }
    },
    async *watchDeployment({ deployment }, { signal }) {
      for await (const each of answers<SupervisedDeployment>('/watch-deployment', { deployment }, signal)) {
        yield { deployment: deploymentMessage(each) }
      }
    },
    async *watchLogs({ processes, level, search, lines }, { signal }) {
      const query = { processes, level: supervisedLevel[level], search, lines }
      for await (const each of answers<SupervisedLines>('/watch-logs', query, signal)) yield linesMessage(each)
    },
    getSettings: ({ process }, { signal }) => answer('/settings', { process }, signal),
  }
}

function serviceError(error: unknown): unknown {
  if (!(error instanceof ControlError)) return error
  const { kind, message } = error
  switch (kind) {
    case 'invalid':
      return invalidArgument('INVALID_FIELD', message)
    case 'unknown':
      return new ServiceError(status.NOT_FOUND, message, { reason: 'NOT_FOUND' })
    case 'state':
    case 'failed':
      return failedPrecondition('WRONG_STATE', message)
    case 'away':
      return unavailable(message)
    case 'fault':
      return error
  }
}
