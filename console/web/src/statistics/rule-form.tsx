/** A rule being written: what it looks at drawn with its limit, and what it would find now. */
import { useMutation, useQuery } from '@connectrpc/connect-query'
import {
  Button,
  Group,
  MultiSelect,
  NumberInput,
  Select,
  Stack,
  Switch,
  Text,
  Textarea,
  TextInput,
  Title,
} from '@mantine/core'
import {
  type AlertRule,
  AlertSeverity,
  AlertsService,
} from '@site11/proto/es/site11/statistics/v1/alerts_service_pb.ts'
import { useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useMemo, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { problemFrom } from '../api/problem.ts'
import { LeaveGuard } from '../ui/leave-guard.tsx'
import { ProblemInline } from '../ui/problem.tsx'
import { StateMark } from '../ui/state.tsx'
import { Figure } from './figure.tsx'
import { aggregations } from './kinds.ts'
import { QueryFields } from './query-fields.tsx'
import { refreshAlerts } from './refresh.ts'
import { changedFields, type RuleDraft, type RuleKind, ruleFrom, ruleKinds } from './rule-draft.ts'
import type { StatisticsSearch } from './search.ts'
import { SpanBar } from './span-bar.tsx'
import styles from './statistics.module.css'
import { valueText } from './units.ts'
import { type Asked, useMetricList } from './use-metrics.ts'
import { useChoice, useSearch } from './use-search.ts'

const { createAlertRule, updateAlertRule, testAlertRule, listAlertWebhooks } = AlertsService.method
const lengths = [0, 60, 300, 600, 900, 1800, 3600, 21_600, 86_400]
const severities = [AlertSeverity.INFO, AlertSeverity.WARNING, AlertSeverity.CRITICAL] as const
const severityNames = ['info', 'warning', 'critical'] as const

/** What is as a limit in the chart: percent of change and shares of an objective are none of its values. */
const limitOf = (draft: RuleDraft): number | undefined =>
  draft.kind === 'threshold' && !draft.divisor ? draft.value : undefined

export function RulePreview({ draft }: { draft: RuleDraft }) {
  const { t } = useTranslation()
  const { search, set } = useSearch()
  const choice = useChoice(search, '6h')
  const asked = useMemo((): Asked[] => {
    const line = ({ metric, filter, agg }: RuleDraft['query']): Asked => ({
      label: '',
      metric,
      groupBy: draft.query.by,
      filter,
      aggregation: agg ? aggregations[agg] : 0,
      top: draft.query.by.length > 0 ? 10 : 0,
      compareMs: draft.kind === 'change' ? draft.earlier * 1000 : 0,
    })
    return [line(draft.query), ...(draft.divisor ? [line(draft.divisor)] : [])].filter(({ metric }) => metric !== '')
  }, [draft])
  const limit = limitOf(draft)
  const marks = useMemo(
    () => (limit === undefined ? [] : [{ value: limit, level: draft.severity === AlertSeverity.CRITICAL ? 3 : 2 }]),
    [limit, draft.severity],
  )
  return (
    <section className={styles.sheet} aria-label={t('statistics.alert.preview')}>
      <SpanBar usual="6h" />
      <div className={styles.room}>
        {asked.length > 0 && (
          <Figure
            label={draft.query.metric}
            asked={asked}
            choice={choice}
            live={search.live !== false}
            view="line"
            group="rule"
            height={220}
            marks={marks}
            onZoom={(from, to) => set({ from, to }, true)}
          />
        )}
      </div>
    </section>
  )
}

/** The rule as one reads it. */
export function RuleSentence({ draft }: { draft: RuleDraft }) {
  const { t, i18n } = useTranslation()
  const { data } = useMetricList()
  const unit = draft.divisor ? '1' : (data?.metrics.find(({ name }) => name === draft.query.metric)?.unit ?? '')
  const time = (s: number) => valueText(s, 's', i18n.language)
  const what = draft.divisor ? `${draft.query.metric} / ${draft.divisor.metric}` : draft.query.metric
  const values = {
    what,
    by: draft.query.by.length > 0 ? t('statistics.alert.each', { labels: draft.query.by.join(', ') }) : '',
    side: t(draft.above ? 'statistics.alert.above' : 'statistics.alert.below'),
    value: valueText(
      draft.value,
      draft.kind === 'change' ? '%' : draft.kind === 'burnRate' ? '1' : unit,
      i18n.language,
    ),
    window: time(draft.window),
    earlier: time(draft.earlier),
  }
  return (
    <Text size="sm" className={styles.sentence}>
      {t(`statistics.alert.sentence.${draft.kind}`, values)}{' '}
      {draft.hold > 0 && t('statistics.alert.holdFor', { time: time(draft.hold) })}
    </Text>
  )
}

interface RuleFormProps {
  initial: RuleDraft
  /** The rule that is changed; without it a new one is made. */
  rule?: AlertRule
}

export function RuleForm({ initial, rule }: RuleFormProps) {
  const { t, i18n } = useTranslation()
  const client = useQueryClient()
  const { set } = useSearch()
  const [draft, setDraft] = useState(initial)
  const [failure, setFailure] = useState<unknown>()
  const saved = useRef(false)
  const [requestId] = useState(() => crypto.randomUUID?.() ?? '')
  const creating = useMutation(createAlertRule)
  const updating = useMutation(updateAlertRule)
  const testing = useMutation(testAlertRule)
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
  const time = (s: number) => (s === 0 ? t('statistics.alert.atOnce') : valueText(s, 's', i18n.language))
  const lengthField = (
    name: 'window' | 'hold' | 'keepFiring' | 'earlier' | 'interval',
    label: string,
    from: number,
  ) => (
    <Select
      w={160}
      label={label}
      allowDeselect={false}
      value={String(draft[name])}
      data={[...new Set([...lengths.filter(each => each >= from), draft[name]])]
        .sort((a, b) => a - b)
        .map(each => ({ value: String(each), label: time(each) }))}
      onChange={next => change({ [name]: Number(next) })}
    />
  )
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
        <Title order={2}>{rule ? rule.title : t('statistics.alert.create')}</Title>
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
      <fieldset className={styles.fieldset}>
        <legend>{t('statistics.alert.looksAt')}</legend>
        <Stack gap="sm">
          <QueryFields
            withTop={false}
            draft={draft.query}
            onChange={part => change({ query: { ...draft.query, ...part } })}
          />
          {draft.kind !== 'absence' && (
            <Switch
              label={t('statistics.alert.divide')}
              checked={draft.divisor !== undefined}
              disabled={draft.kind === 'burnRate'}
              onChange={event =>
                change({
                  divisor: event.currentTarget.checked
                    ? { metric: 'requests', by: [], filter: '', agg: 'sum', top: 0, atLeast: 20 }
                    : undefined,
                })
              }
            />
          )}
          {draft.divisor && (
            <>
              <QueryFields
                withTop={false}
                withGroups={false}
                draft={draft.divisor}
                onChange={part => draft.divisor && change({ divisor: { ...draft.divisor, ...part } })}
              />
              <NumberInput
                w={260}
                label={t('statistics.alert.atLeast')}
                min={0}
                value={draft.divisor.atLeast}
                onChange={value =>
                  draft.divisor && change({ divisor: { ...draft.divisor, atLeast: Number(value) || 0 } })
                }
              />
            </>
          )}
        </Stack>
      </fieldset>
      <div className={styles.fields}>
        {(draft.kind === 'threshold' || draft.kind === 'change') && (
          <Select
            w={130}
            label={t('statistics.alert.side')}
            allowDeselect={false}
            value={draft.above ? 'above' : 'below'}
            data={(['above', 'below'] as const).map(name => ({ value: name, label: t(`statistics.alert.${name}`) }))}
            onChange={next => change({ above: next === 'above' })}
          />
        )}
        {draft.kind !== 'absence' && (
          <NumberInput
            w={170}
            hideControls
            label={t(`statistics.alert.values.${draft.kind}`)}
            value={draft.value}
            onChange={value => change({ value: Number(value) || 0 })}
          />
        )}
        {draft.kind !== 'burnRate' && lengthField('window', t('statistics.alert.window'), 60)}
        {draft.kind === 'change' && lengthField('earlier', t('statistics.alert.earlier'), 300)}
        {lengthField('hold', t('statistics.alert.hold'), 0)}
        {lengthField('keepFiring', t('statistics.alert.keepFiring'), 0)}
      </div>
      <RuleSentence draft={draft} />
      <RulePreview draft={draft} />
      <div>
        <Button
          variant="default"
          loading={testing.isPending}
          disabled={!draft.query.metric}
          onClick={() =>
            testing.mutate({ alertRule: ruleFrom({ ...draft, title: draft.title || draft.query.metric }, rule) })
          }
        >
          {t('statistics.alert.test')}
        </Button>
        <div role="status" className={styles.found}>
          {testing.error && <ProblemInline error={testing.error} />}
          {testing.data &&
            (testing.data.findings.length === 0 ? (
              <Text size="sm">{t('statistics.alert.findsNothing')}</Text>
            ) : (
              <ul>
                {testing.data.findings.map(({ labels, holds, summary }) => (
                  <li key={JSON.stringify(labels)}>
                    <StateMark
                      name={holds ? 'degraded' : 'healthy'}
                      label={t(holds ? 'statistics.alert.holds' : 'statistics.alert.holdsNot')}
                    />{' '}
                    {summary}
                  </li>
                ))}
              </ul>
            ))}
        </div>
      </div>
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

const staysIn = ({ pathname, search }: { pathname: string; search: StatisticsSearch }, id: string) =>
  pathname === '/statistics' && search.id === id && (search.edit === true || id === 'new')
