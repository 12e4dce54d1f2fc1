/** What the contract says of a method: what it does, its REST form, who may call it and within what bounds. */
import { type DescMethod, getOption } from '@bufbuild/protobuf'
import type { Duration } from '@bufbuild/protobuf/wkt'
import { Text, Title } from '@mantine/core'
import { commentOf } from '@site11/proto/comments'
import { method as policyOption } from '@site11/proto/es/site11/policy/v1/policy_pb.ts'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { isPublic, mayCall, scopeOf } from '../api/policy.ts'
import { restBinding } from '../api/rest-call.ts'
import { useSession } from '../api/use-session.ts'
import { bytesText, msText } from './amounts.ts'
import { Comment } from './comment.tsx'
import { idOf } from './contracts.ts'
import styles from './explorer.module.css'

/** Where a contract gives no limit. */
const defaultRequestBytes = 1024 * 1024

export function MethodFacts({ method }: { method: DescMethod }) {
  const { t, i18n } = useTranslation()
  const rest = restBinding(method)
  const { timeout, retry, rateLimit, maxRequestBytes, audit } = getOption(method, policyOption)
  const facts: [string, ReactNode][] = [
    [t('explorer.facts.access'), <Access key="access" method={method} />],
    [
      t('explorer.facts.timeout'),
      msOf(timeout) > 0 ? msText(msOf(timeout), i18n.language) : t('explorer.facts.noTimeout'),
    ],
    [
      t('explorer.facts.retries'),
      retry
        ? t(retry.requiresRequestId ? 'explorer.facts.retriesWithId' : 'explorer.facts.retriesCount', {
            count: retry.attempts,
          })
        : t('explorer.facts.noRetries'),
    ],
    [
      t('explorer.facts.rateLimit'),
      rateLimit
        ? t('explorer.facts.rate', { count: rateLimit.requests, time: msText(msOf(rateLimit.per), i18n.language) })
        : t('explorer.facts.noRateLimit'),
    ],
    [t('explorer.facts.size'), bytesText(maxRequestBytes || defaultRequestBytes, i18n.language)],
    ...(audit ? [[t('explorer.facts.audit'), t('explorer.facts.audited')] as [string, string]] : []),
  ]
  return (
    <header>
      <Title order={2} fz="lg">
        {method.name}
      </Title>
      <Text className={styles.id}>
        {rest && (
          <>
            <span className="mono">
              <b>{rest.verb}</b> {rest.path}
            </span>{' '}
            ·{' '}
          </>
        )}
        <span className="mono">{idOf(method)}</span> · {t(`explorer.kind.${method.methodKind}`)}
      </Text>
      <Text mt={6} maw="75ch">
        <Comment text={commentOf(method)} />
      </Text>
      <dl className={styles.facts}>
        {facts.map(([name, fact]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{fact}</dd>
          </div>
        ))}
      </dl>
    </header>
  )
}

function Access({ method }: { method: DescMethod }) {
  const { t } = useTranslation()
  const session = useSession()
  const scope = scopeOf(method)
  if (isPublic(method)) return t('explorer.access.public')
  if (scope === undefined) return t('explorer.access.authenticated')
  return (
    <>
      {t('explorer.access.scope')} <span className="mono">{scope}</span>{' '}
      <Text span size="xs" c={mayCall(session, method) ? 'dimmed' : 'var(--mantine-color-error)'}>
        {t(mayCall(session, method) ? 'explorer.access.youHave' : 'explorer.access.youLack')}
      </Text>
    </>
  )
}

const msOf = (duration: Duration | undefined) => (duration ? Number(duration.seconds) * 1000 + duration.nanos / 1e6 : 0)
