/** A rule being written: what it looks at drawn with its limit, and what it would find now. */
import { useMutation, useQuery } from '@connectrpc/connect-query'
import { Button, Group, MultiSelect, Select, Textarea, TextInput, Title } from '@mantine/core'
import {
  type AlertRule,
  AlertSeverity,
  AlertsService,
} from '@site11/proto/es/site11/statistics/v1/alerts_service_pb.ts'
import { useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { problemFrom } from '../api/problem.ts'
import { LeaveGuard } from '../ui/leave-guard.tsx'
import { ProblemInline } from '../ui/problem.tsx'
import { ruleTitle } from './built-in.ts'
import { refreshAlerts } from './refresh.ts'
import { changedFields, type RuleDraft, type RuleKind, ruleFrom, ruleKinds } from './rule-draft.ts'
import { RulePreview, RuleSentence } from './rule-preview.tsx'
import { RuleLimits, RuleQuery } from './rule-query.tsx'
import { RuleTest } from './rule-test.tsx'
import { staysIn } from './search.ts'
import styles from './statistics.module.css'
import { useSearch } from './use-search.ts'

const { createAlertRule, updateAlertRule, listAlertWebhooks } = AlertsService.method
const severities = [AlertSeverity.INFO, AlertSeverity.WARNING, AlertSeverity.CRITICAL] as const
const severityNames = ['info', 'warning', 'critical'] as const

interface RuleFormProps {
  initial: RuleDraft
  /** The rule that is changed; without it a new one is made. */
  rule?: AlertRule
}

export function RuleForm({ initial, rule }: RuleFormProps) {
  const { t } = useTranslation()
  const client = useQueryClient()
  const { set } = useSearch()
  const [draft, setDraft] = useState(initial)
  const [failure, setFailure] = useState<unknown>()
  const saved = useRef(false)
  const [requestId] = useState(() => crypto.randomUUID?.() ?? '')
  const creating = useMutation(createAlertRule)
  const updating = useMutation(updateAlertRule)
  const webhooks = useQuery(listAlertWebhooks, { pageSize: 200 }, { retry: false })
  const change = (part: Partial<RuleDraft>) => setDraft({ ...draft, ...part })
  const dirty = draft !== initial
  const ready = draft.title.trim() !== '' && draft.query.metric !== '' && draft.divisor?.metric !== ''
  const id = rule?.id ?? 'new'

  async function save() {
    setFailure(undefined)
    try {
      const alertRule = ruleFrom(draft, rule)
      const kept = rule
        ? (await updating.mutateAsync({ alertRule, updateMask: { paths: changedFields } })).alertRule
        : (await creating.mutateAsync({ alertRule, requestId })).alertRule
      saved.current = true
      await refreshAlerts(client)
      set({ id: kept?.id, edit: undefined, metric: undefined, by: undefined, filter: undefined, agg: undefined })
    } catch (error) {
      setFailure(error)
    }
  }
  return (
    <form
      className={styles.page}
      onSubmit={event => {
        event.preventDefault()
        if (ready) void save()
      }}
    >
      <LeaveGuard dirty={() => dirty && !saved.current} stays={next => staysIn(next, id)} />
      <Group gap="sm" align="baseline">
        <Link to="/statistics" search={{ tab: 'alerts' }} className={styles.up}>
          {t('statistics.tabs.alerts')}
        </Link>
        <Title order={2}>{rule ? ruleTitle(rule.id, rule.title, t) : t('statistics.alert.create')}</Title>
      </Group>
      <div className={styles.fields}>
        <TextInput
          flex="1 1 260px"
          maw={420}
          label={t('statistics.alert.title')}
          value={draft.title}
          maxLength={120}
          required
          autoFocus={!rule}
          onChange={event => change({ title: event.currentTarget.value })}
        />
        <Select
          w={220}
          label={t('statistics.alert.kind')}
          allowDeselect={false}
          value={draft.kind}
          data={ruleKinds.map(name => ({ value: name, label: t(`statistics.alert.kinds.${name}`) }))}
          onChange={next => {
            const kind: RuleKind = ruleKinds.find(each => each === next) ?? 'threshold'
            const value = kind === 'burnRate' ? 0.999 : kind === 'change' ? 50 : draft.value
            const divisor =
              kind === 'burnRate'
                ? (draft.divisor ?? { ...draft.query, metric: 'requests', agg: 'sum' as const, atLeast: 100 })
                : draft.divisor
            change({ kind, value, divisor })
          }}
        />
        <Select
          w={140}
          label={t('statistics.alert.severity')}
          allowDeselect={false}
          value={String(draft.severity)}
          data={severities.map((severity, at) => ({
            value: String(severity),
            label: t(`statistics.alert.severities.${severityNames[at] ?? 'warning'}`),
          }))}
          onChange={next =>
            change({ severity: severities.find(each => String(each) === next) ?? AlertSeverity.WARNING })
          }
        />
      </div>
      <RuleQuery draft={draft} onChange={change} />
      <RuleLimits draft={draft} onChange={change} />
      <RuleSentence draft={draft} />
      <RulePreview draft={draft} />
      <RuleTest draft={draft} rule={rule} />
      <Textarea
        label={t('statistics.alert.description')}
        description={t('statistics.alert.descriptionHint')}
        maw={720}
        autosize
        minRows={2}
        maxLength={2000}
        value={draft.description}
        onChange={event => change({ description: event.currentTarget.value })}
      />
      <MultiSelect
        label={t('statistics.alert.webhooks')}
        description={
          <>
            {t('statistics.alert.webhooksHint')}{' '}
            <Link to="/statistics" search={{ tab: 'alerts', part: 'webhooks' }}>
              {t('statistics.alert.parts.webhooks')}
            </Link>
          </>
        }
        maw={720}
        maxValues={5}
        value={draft.webhooks}
        data={(webhooks.data?.alertWebhooks ?? []).map(({ id, title }) => ({ value: id, label: title }))}
        onChange={webhooks => change({ webhooks })}
      />
      {failure !== undefined && (
        <ProblemInline error={failure}>
          {problemFrom(failure).reason === 'ETAG_MISMATCH' && rule && (
            <Button
              size="compact-sm"
              variant="default"
              onClick={() => {
                saved.current = true
                void refreshAlerts(client)
                set({ edit: undefined })
              }}
            >
              {t('statistics.dashboard.takeTheirs')}
            </Button>
          )}
        </ProblemInline>
      )}
      <Group>
        <Button type="submit" loading={creating.isPending || updating.isPending} disabled={!ready}>
          {t(rule ? 'common.save' : 'statistics.alert.create')}
        </Button>
        <Button variant="default" onClick={() => set(rule ? { edit: undefined } : { id: undefined })}>
          {t('common.cancel')}
        </Button>
      </Group>
    </form>
  )
}
