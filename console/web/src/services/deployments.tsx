/** What was and is being deployed. */
import { createConnectQueryKey, useMutation, useQuery } from '@connectrpc/connect-query'
import { Button, Skeleton } from '@mantine/core'
import {
  type Deployment,
  DeploymentAction,
  DeploymentState,
  type DeploymentStep,
  OperationsService,
} from '@site11/proto/es/site11/console/v1/operations_service_pb.ts'
import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { LiveSource } from '../api/live.ts'
import { mayCall } from '../api/policy.ts'
import { useLive } from '../api/use-live.ts'
import { useSession } from '../api/use-session.ts'
import { useRecentChanges } from '../mesh/changes.ts'
import { dateOf, type StateName } from '../mesh/state.ts'
import { useActorName } from '../ui/actor.ts'
import { duration } from '../ui/format.ts'
import { Panel } from '../ui/panel.tsx'
import { StateDot, StateMark } from '../ui/state.tsx'
import { Ago, useNow } from '../ui/time.tsx'
import { toastProblem } from '../ui/toasts.tsx'
import { Deploy } from './deploy.tsx'
import { OperationsProblem } from './operations-problem.tsx'
import styles from './service.module.css'

const { listDeployments, watchDeployment, cancelDeployment, createDeployment } = OperationsService.method

const one: LiveSource<typeof watchDeployment.input, typeof watchDeployment.output, Deployment | undefined> = {
  method: watchDeployment,
  reduce: (state, { deployment }) => deployment ?? state,
}

type Word = 'running' | 'canary' | 'rollingBack' | 'succeeded' | 'rolledBack' | 'failed'

const words: Record<number, readonly [Word, StateName]> = {
  [DeploymentState.RUNNING]: ['running', 'starting'],
  [DeploymentState.CANARY]: ['canary', 'starting'],
  [DeploymentState.ROLLING_BACK]: ['rollingBack', 'degraded'],
  [DeploymentState.SUCCEEDED]: ['succeeded', 'healthy'],
  [DeploymentState.ROLLED_BACK]: ['rolledBack', 'degraded'],
  [DeploymentState.FAILED]: ['failed', 'failing'],
}

const isOver = ({ endTime }: Deployment) => endTime !== undefined

export function Deployments({ service, versions }: { service: string; versions: readonly string[] }) {
  const { t } = useTranslation()
  const client = useQueryClient()
  const session = useSession()
  const [deploying, setDeploying] = useState(false)
  const { data, error, refetch } = useQuery(listDeployments, { service }, { retry: false })
  const queryKey = createConnectQueryKey({ schema: listDeployments, input: { service }, cardinality: 'finite' })
  const refresh = () => void client.invalidateQueries({ queryKey })
  // Somebody else may begin one: the journal tells.
  const change = useRecentChanges()?.find(({ action }) => /^(service\.deploy|deployment\.)/.test(action))?.id
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked again when it changes
  useEffect(refresh, [change])
  return (
    <Panel
      title={t('services.deployments')}
      action={
        data &&
        mayCall(session, createDeployment) && (
          <Button variant="default" size="xs" onClick={() => setDeploying(true)}>
            {t('services.deploy.title', { name: service })}
          </Button>
        )
      }
    >
      {error && !data ? (
        <OperationsProblem error={error} onRetry={refetch} />
      ) : !data ? (
        <Skeleton height={48} />
      ) : (
        <ul className={styles.deployments}>
          {data.deployments.map(deployment => (
            <li key={deployment.deployment}>
              {isOver(deployment) ? (
                <Told deployment={deployment} />
              ) : (
                <Watched deployment={deployment} onEnd={refresh} />
              )}
            </li>
          ))}
          {data.deployments.length === 0 && <li className={styles.dim}>{t('services.noDeployments')}</li>}
        </ul>
      )}
      <Deploy
        service={service}
        versions={versions}
        opened={deploying}
        onClose={() => setDeploying(false)}
        onBegun={refresh}
      />
    </Panel>
  )
}

/** One under way, live. */
function Watched({ deployment, onEnd }: { deployment: Deployment; onEnd: () => void }) {
  const { value } = useLive(one, { deployment: deployment.deployment })
  const now = value ?? deployment
  const over = isOver(now)
  // biome-ignore lint/correctness/useExhaustiveDependencies: told once
  useEffect(() => {
    if (over) onEnd()
  }, [over])
  return <Told deployment={now} />
}

function Told({ deployment }: { deployment: Deployment }) {
  const { t, i18n } = useTranslation()
  const cancel = useMutation(cancelDeployment, { onError: toastProblem })
  const may = mayCall(useSession(), cancelDeployment)
  const actor = useActorName(deployment.actor)
  const { version, previousVersion, canaryPercent, state, reason, createTime, steps, requests, failedRequests } =
    deployment
  const [word, mark] = words[state] ?? ['running', 'unknown']
  const begun = dateOf(createTime)
  const over = isOver(deployment)
  const number = (value: bigint) => new Intl.NumberFormat(i18n.language).format(value)
  const list = (
    <ol className={styles.steps}>
      {steps.map((step, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: steps are only added at the end
        <Step key={index} step={step} last={index === steps.length - 1} failed={state === DeploymentState.FAILED} />
      ))}
    </ol>
  )
  return (
    <>
      <div className={styles.deployment}>
        <StateMark name={mark} label={t(`services.deployment.${word}`)} />
        <span className="mono">
          {previousVersion && previousVersion !== version ? `${previousVersion} → ` : ''}
          {version}
        </span>
        {canaryPercent > 0 && (
          <span className={styles.dim}>{t('services.deployment.share', { percent: canaryPercent })}</span>
        )}
        {requests > 0n && (
          <span className={styles.dim}>
            {t('services.deployment.requests', {
              count: Number(requests),
              requests: number(requests),
              failed: number(failedRequests),
            })}
          </span>
        )}
        <span className={styles.dim}>
          {begun && <Ago date={begun} />}{' '}
          {actor && t('services.by', { name: actor === 'operator' ? t('services.operator') : actor })}
        </span>
        {!over && may && (
          <Button
            size="compact-xs"
            variant="default"
            loading={cancel.isPending || state === DeploymentState.ROLLING_BACK}
            onClick={() => cancel.mutate({ deployment: deployment.deployment })}
          >
            {t('services.deployment.cancel')}
          </Button>
        )}
      </div>
      {reason && <div lang="en">{reason}</div>}
      {over
        ? steps.length > 0 && (
            <details>
              <summary className={styles.dim}>{t('services.deployment.steps', { count: steps.length })}</summary>
              {list}
            </details>
          )
        : list}
    </>
  )
}

const actions: Record<number, 'traffic' | 'drain' | 'start' | 'wait' | 'watch'> = {
  [DeploymentAction.SET_TRAFFIC]: 'traffic',
  [DeploymentAction.DRAIN]: 'drain',
  [DeploymentAction.START]: 'start',
  [DeploymentAction.WAIT_FOR_ACKS]: 'wait',
  [DeploymentAction.WATCH]: 'watch',
}

function Step({
  step: { action, instance, note, startTime, endTime },
  last,
  failed,
}: {
  step: DeploymentStep
  last: boolean
  failed: boolean
}) {
  const { t, i18n } = useTranslation()
  const begun = dateOf(startTime)
  const ended = dateOf(endTime)
  const now = useNow(begun)
  const state = ended ? (last && failed ? 'failing' : 'healthy') : 'starting'
  return (
    <li>
      <StateDot name={state} label={t(`services.step.${state}`)} />
      <span>
        {t(`services.step.${actions[action] ?? 'wait'}`, { name: instance })} {note && <small lang="en">{note}</small>}
      </span>
      <small>{begun && duration((ended?.getTime() ?? now) - begun.getTime(), i18n.language)}</small>
    </li>
  )
}
