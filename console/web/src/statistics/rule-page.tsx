/** One rule: how it is, what it looks at, and what it has found; or the form that changes it. */
import { create } from '@bufbuild/protobuf'
import { skipToken, useQuery } from '@connectrpc/connect-query'
import { Button, Group, Skeleton, Text, Title } from '@mantine/core'
import {
  type AlertRule,
  AlertRuleSchema,
  AlertsService,
} from '@site11/proto/es/site11/statistics/v1/alerts_service_pb.ts'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { mayCall } from '../api/policy.ts'
import { useSession } from '../api/use-session.ts'
import { Panel } from '../ui/panel.tsx'
import { ProblemInline } from '../ui/problem.tsx'
import { AlertHistory } from './alert-history.tsx'
import { RuleMark, useRuleActions } from './alerts.tsx'
import { ruleDescription, ruleTitle } from './built-in.ts'
import { draftOf, newDraft } from './rule-draft.ts'
import { RuleForm } from './rule-form.tsx'
import { RulePreview, RuleSentence } from './rule-preview.tsx'
import styles from './statistics.module.css'
import { useSearch } from './use-search.ts'

const { getAlertRule, updateAlertRule } = AlertsService.method

export function RulePage({ id }: { id: string }) {
  const { t } = useTranslation()
  const { search } = useSearch()
  const isNew = id === 'new'
  const { data, error, refetch } = useQuery(getAlertRule, isNew ? skipToken : { id }, {
    refetchInterval: search.edit || isNew ? false : 10_000,
  })
  if (isNew) {
    const { metric, by, filter, agg } = search
    const query = { ...(metric && { metric }), ...(by && { by }), ...(filter && { filter }), ...(agg && { agg }) }
    return <RuleForm initial={newDraft({ metric: 'requests', ...query })} />
  }
  const rule = data?.alertRule
  if (!rule) {
    if (error) return <ProblemInline error={error} onRetry={refetch} />
    return <Skeleton height={420} radius={8} role="status" aria-label={t('common.loading')} />
  }
  return search.edit ? <RuleForm initial={draftOf(rule)} rule={rule} /> : <Shown rule={rule} />
}

function Shown({ rule }: { rule: AlertRule }) {
  const { t } = useTranslation()
  const { set } = useSearch()
  const mayWrite = mayCall(useSession(), updateAlertRule)
  const { pause, remove } = useRuleActions()
  const draft = draftOf(create(AlertRuleSchema, rule))
  return (
    <div className={styles.page}>
      <Group justify="space-between" align="flex-start">
        <div>
          <Group gap="sm" align="baseline">
            <Link to="/statistics" search={{ tab: 'alerts' }} className={styles.up}>
              {t('statistics.tabs.alerts')}
            </Link>
            <Title order={2}>{ruleTitle(rule.id, rule.title, t)}</Title>
          </Group>
          <Text size="sm" c="dimmed" maw={720}>
            {ruleDescription(rule, t)}
          </Text>
        </div>
        {mayWrite && (
          <Group gap="xs">
            <Button variant="default" onClick={() => set({ edit: true }, true)}>
              {t('statistics.alert.edit')}
            </Button>
            <Button variant="default" onClick={() => set({ part: 'silences', id: `new:${rule.id}` }, true)}>
              {t('statistics.alert.silence')}
            </Button>
            <Button variant="default" onClick={() => void pause(rule)}>
              {t(rule.paused ? 'statistics.alert.resume' : 'statistics.alert.pause')}
            </Button>
            <Button variant="default" onClick={() => void remove(rule)}>
              {t('statistics.alert.delete')}
            </Button>
          </Group>
        )}
      </Group>
      <RuleMark rule={rule} />
      {rule.evaluationError && (
        <div role="alert" className={styles.conflict}>
          <Text fw={600}>{t('statistics.alert.blind')}</Text>
          <Text size="sm" c="dimmed">
            {rule.evaluationError}
          </Text>
        </div>
      )}
      <RuleSentence draft={draft} />
      <RulePreview draft={draft} />
      <Panel title={t('statistics.alert.parts.history')}>
        <AlertHistory rule={rule.id} />
      </Panel>
    </div>
  )
}
