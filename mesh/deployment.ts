/** A deployment as it is kept, shown and told to the Console: plain data, times in ISO 8601. */
import { styleText } from 'node:util'
import { printable } from './render.ts'

export type DeploymentState = 'running' | 'canary' | 'rolling_back' | 'succeeded' | 'rolled_back' | 'failed'
export type StepAction = 'set_traffic' | 'drain' | 'start' | 'wait_for_acks' | 'watch'

export type Step = {
  startTime: string
  endTime?: string
  /** Empty when it concerns the whole service. */
  instance: string
  action: StepAction
  /** What came of it, or why it failed. */
  note: string
}

export type Deployment = {
  deployment: string
  service: string
  version: string
  previousVersion: string
  /** The checkouts that these are in. */
  checkout: string
  previousCheckout: string
  /** Percent; 0 without one. */
  canaryPercent: number
  canaryMs: number
  state: DeploymentState
  /** Why it was rolled back or failed. */
  reason: string
  actor: string
  createTime: string
  endTime?: string
  steps: Step[]
  /** What the new version has answered, as the proxies counted it. */
  requests: number
  failedRequests: number
  /** Whether it has said how requests are spread, and not taken it back. */
  weighted: boolean
  /** The instance that was started beside the others, while it is there. */
  extra?: string
}

/** What going back has begun: the end of the deployment that was under way, or one to what was there before. */
export type RolledBack = { deployment: Deployment; cancelled: boolean }

export const isUnderWay = ({ state }: Deployment) =>
  state === 'running' || state === 'canary' || state === 'rolling_back'

const actions: Record<StepAction, string> = {
  set_traffic: 'traffic',
  drain: 'drain',
  start: 'start',
  wait_for_acks: 'proxies',
  watch: 'watch',
}

/** A step that has ended, in a line. */
export function renderStep({ startTime, endTime, instance, action, note }: Step): string {
  const ms = endTime === undefined ? 0 : Date.parse(endTime) - Date.parse(startTime)
  const clock = new Date(startTime).toTimeString().slice(0, 8)
  const parts = [styleText('dim', clock), actions[action].padEnd(8), instance.padEnd(10), `${(ms / 1000).toFixed(1)} s`]
  return [...parts, printable(note)].join('  ').trimEnd()
}

/** How it is, or how it ended, in a line or two. */
export function renderState(deployment: Deployment): string {
  const { service, version, previousVersion, state, reason, requests, failedRequests, canaryPercent } = deployment
  const what = version === previousVersion ? `${service} ${version}` : `${service} ${previousVersion} → ${version}`
  const cost = `${requests} requests to ${version === previousVersion ? 'the new instances' : version}, ${failedRequests} failed.`
  const why = reason ? `\n  ${printable(reason).replaceAll('\n', '\n  ')}` : ''
  switch (state) {
    case 'running':
      return `${styleText('cyan', '◌')} ${what} is being deployed.`
    case 'canary':
      return `${styleText('cyan', '◌')} ${what} is being deployed: ${canaryPercent} % of requests go to ${version}.`
    case 'rolling_back':
      return `${styleText('yellow', '○')} ${what} is being rolled back.${why}`
    case 'succeeded':
      return `${styleText('green', '●')} ${what} is deployed. ${cost}`
    case 'rolled_back':
      return `${styleText('yellow', '○')} ${what} was rolled back. ${cost}${why}`
    case 'failed':
      return `${styleText('red', '✕')} ${what} failed, and is neither here nor there: deploy again, or npm run mesh -- rollback ${service}. ${cost}${why}`
  }
}
