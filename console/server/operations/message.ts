/** What the supervisor says, as messages of the contract. */
import {
  type Deployment,
  DeploymentAction,
  DeploymentState,
  LogLevel,
  type WatchLogsResponse,
} from '@site11/proto/grpc/site11/console/v1/operations_service.ts'

/** A deployment as the supervisor keeps it; times in ISO 8601. */
export interface SupervisedDeployment {
  deployment: string
  service: string
  version: string
  previousVersion: string
  canaryPercent: number
  state: 'running' | 'canary' | 'rolling_back' | 'succeeded' | 'rolled_back' | 'failed'
  reason: string
  actor: string
  createTime: string
  endTime?: string
  steps: { startTime: string; endTime?: string; instance: string; action: string; note: string }[]
  requests: number
  failedRequests: number
}

const states: Record<SupervisedDeployment['state'], DeploymentState> = {
  running: DeploymentState.DEPLOYMENT_STATE_RUNNING,
  canary: DeploymentState.DEPLOYMENT_STATE_CANARY,
  rolling_back: DeploymentState.DEPLOYMENT_STATE_ROLLING_BACK,
  succeeded: DeploymentState.DEPLOYMENT_STATE_SUCCEEDED,
  rolled_back: DeploymentState.DEPLOYMENT_STATE_ROLLED_BACK,
  failed: DeploymentState.DEPLOYMENT_STATE_FAILED,
}

const actions: Record<string, DeploymentAction> = {
  set_traffic: DeploymentAction.DEPLOYMENT_ACTION_SET_TRAFFIC,
  drain: DeploymentAction.DEPLOYMENT_ACTION_DRAIN,
  start: DeploymentAction.DEPLOYMENT_ACTION_START,
  wait_for_acks: DeploymentAction.DEPLOYMENT_ACTION_WAIT_FOR_ACKS,
  watch: DeploymentAction.DEPLOYMENT_ACTION_WATCH,
}

const timeOf = (text: string | undefined): Date | undefined => (text ? new Date(text) : undefined)

export function deploymentMessage(from: SupervisedDeployment): Deployment {
  const { deployment, service, version, previousVersion, canaryPercent, reason, actor } = from
  const { state, createTime, endTime, steps, requests, failedRequests } = from
  return {
    deployment,
    service,
    version,
    previousVersion,
    canaryPercent,
    state: states[state],
    reason,
    actor,
    createTime: timeOf(createTime),
    endTime: timeOf(endTime),
    steps: steps.map(step => ({
      startTime: timeOf(step.startTime),
      endTime: timeOf(step.endTime),
      instance: step.instance,
      action: actions[step.action] ?? DeploymentAction.DEPLOYMENT_ACTION_UNSPECIFIED,
      note: step.note,
    })),
    requests,
    failedRequests,
  }
}

/** The least grave of what each level of the contract takes in. */
export const supervisedLevel: Record<number, string> = {
  [LogLevel.LOG_LEVEL_DEBUG]: 'debug',
  [LogLevel.LOG_LEVEL_INFO]: 'info',
  [LogLevel.LOG_LEVEL_WARN]: 'warn',
  [LogLevel.LOG_LEVEL_ERROR]: 'error',
}

const levels: Record<string, LogLevel> = {
  trace: LogLevel.LOG_LEVEL_DEBUG,
  debug: LogLevel.LOG_LEVEL_DEBUG,
  info: LogLevel.LOG_LEVEL_INFO,
  warn: LogLevel.LOG_LEVEL_WARN,
  error: LogLevel.LOG_LEVEL_ERROR,
  fatal: LogLevel.LOG_LEVEL_ERROR,
}

export interface SupervisedLines {
  lines: { process: string; time: string; level: string; message: string; fields: string; traceId: string }[]
  skipped: number
}

export function linesMessage({ lines, skipped }: SupervisedLines): WatchLogsResponse {
  return {
    skipped,
    lines: lines.map(({ time, level, ...line }) => ({
      ...line,
      time: timeOf(time),
      level: levels[level] ?? LogLevel.LOG_LEVEL_UNSPECIFIED,
    })),
  }
}
