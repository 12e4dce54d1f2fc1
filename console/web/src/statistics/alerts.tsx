/** Alerts: rules with how they are, what happened, what is silenced, and whom it is told. */
import { callUnaryMethod, useQuery } from '@connectrpc/connect-query'
import { Button, Group, Menu, Text } from '@mantine/core'
import { type AlertRule, AlertsService } from '@site11/proto/es/site11/statistics/v1/alerts_service_pb.ts'
import { IconPlus } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { transport } from '../api/client.ts'
import { mayCall } from '../api/policy.ts'
import { useSession } from '../api/use-session.ts'
import { dateOf } from '../mesh/state.ts'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Empty } from '../ui/empty.tsx'
import { ProblemInline } from '../ui/problem.tsx'
import { RowMenu } from '../ui/row-menu.tsx'
import { StateMark } from '../ui/state.tsx'
import { TabLinks } from '../ui/tab-links.tsx'
import { Ago, Since } from '../ui/time.tsx'
import { isAbsent, NotRunning } from './absent.tsx'
import { GroupOf } from './alert-group.tsx'
import { AlertHistory, Deliveries } from './alert-history.tsx'
import { byUrgency, markOf, ruleState, severityWord, wordOf } from './alert-state.ts'
import { ruleDescription, ruleTitle } from './built-in.ts'
import { refreshAlerts } from './refresh.ts'
import { RulePage } from './rule-page.tsx'
import { parts } from './search.ts'
import { Silences } from './silences.tsx'
import styles from './statistics.module.css'
import { useAct } from './use-act.ts'
import { useSearch } from './use-search.ts'
import { Webhooks } from './webhooks.tsx'

const { listAlertRules, listAlerts, updateAlertRule, deleteAlertRule, createAlertRule } = AlertsService.method

/** Rules look every minute or so: what they found is asked for as often. ms. */
const everyMs = 10_000

export function Alerts() {
  const { t } = useTranslation()
  const { search } = useSearch()
  const part = parts.alerts.find(name => name === search.part) ?? 'rules'
  const mayWrite = mayCall(useSession(), createAlertRule)
  if (search.id && part === 'rules') return <RulePage key={search.id} id={search.id} />
  const shown = parts.alerts.filter(name => name !== 'webhooks' || mayWrite)
  return (
    <div className={styles.page}>
      <TabLinks
        label={t('statistics.tabs.alerts')}
        tabs={shown.map(name => ({
          key: name,
          label: t(`statistics.alert.parts.${name}`),
          active: name === part,
          link: { to: '/statistics', search: { tab: 'alerts', ...(name !== 'rules' && { part: name }) } },
        }))}
      />
      {part === 'rules' && <Rules />}
      {part === 'history' && <AlertHistory />}
      {part === 'silences' && <Silences />}
      {part === 'webhooks' && <Webhooks />}
      {part === 'deliveries' && <Deliveries />}
    </div>
  )
}

function Rules() {
  const { t } = useTranslation()
  const { set } = useSearch()
  const mayWrite = mayCall(useSession(), createAlertRule)
  const { data, error, refetch } = useQuery(listAlertRules, { pageSize: 200 }, { refetchInterval: everyMs })
  if (error && !data) {
    return isAbsent(error) ? <NotRunning onRetry={refetch} /> : <ProblemInline error={error} onRetry={refetch} />
  }
  const columns: Column<AlertRule>[] = [
    {
      key: 'title',
      header: t('statistics.alert.rule'),
      cell: ({ id, title, description, evaluationError }) => (
        <>
          <Link to="/statistics" search={{ tab: 'alerts', id }} data-row>
            {ruleTitle(id, title, t)}
          </Link>
          <div className={styles.hint}>{evaluationError || ruleDescription({ id, description }, t)}</div>
        </>
      ),
    },
    {
      key: 'state',
      header: t('statistics.alert.state'),
      width: 190,
      cell: rule => <RuleMark rule={rule} />,
    },
    {
      key: 'severity',
      header: t('statistics.alert.severity'),
      width: 100,
      cell: ({ severity }) => t(`statistics.alert.severities.${severityWord(severity)}`),
    },
    {
      key: 'looked',
      header: t('statistics.alert.looked'),
      width: 130,
      cell: ({ evaluateTime }) => {
        const date = dateOf(evaluateTime)
        return date ? <Ago date={date} /> : t('statistics.alert.notYet')
      },
    },
    ...(mayWrite
      ? [
          {
            key: 'menu',
            header: t('common.actions'),
            quiet: true,
            width: 50,
            cell: (rule: AlertRule) => <RuleMenu rule={rule} />,
          },
        ]
      : []),
  ]
  return (
    <>
      <Active />
      <Group justify="space-between">
        <Text size="sm" c="dimmed">
          {t('statistics.alert.hint')}
        </Text>
        {mayWrite && (
          <Button leftSection={<IconPlus size={16} />} onClick={() => set({ id: 'new' }, true)}>
            {t('statistics.alert.create')}
          </Button>
        )}
      </Group>
      <DataTable
        label={t('statistics.alert.parts.rules')}
        columns={columns}
        rows={data && [...data.alertRules].sort(byUrgency)}
        rowKey={({ id }) => id}
        empty={<Empty title={t('statistics.alert.none')} hint={t('statistics.alert.noneHint')} />}
      />
    </>
  )
}

export function RuleMark({ rule }: { rule: AlertRule }) {
  const { t } = useTranslation()
  const { mark, word } = ruleState(rule)
  const blind = dateOf(rule.errorTime)
  return (
    <div>
      <StateMark name={mark} label={t(`statistics.alert.states.${word}`)} />
      <div className={styles.hint}>
        {word === 'blind' && blind && <Since date={blind} />}
        {rule.firing > 0 && t('statistics.alert.firing', { count: rule.firing })}
        {rule.firing > 0 && rule.pending > 0 && ' · '}
        {rule.pending > 0 && t('statistics.alert.pending', { count: rule.pending })}
      </div>
    </div>
  )
}

/** What is pending or firing now: why, since when, and whether somebody wanted to hear nothing of it. */
function Active() {
  const { t } = useTranslation()
  const { data } = useQuery(listAlerts, { pageSize: 50 }, { refetchInterval: everyMs })
  if (!data || data.alerts.length === 0) return null
  return (
    <ul className={styles.alerts} aria-label={t('statistics.alert.active')}>
      {data.alerts.map(alert => {
        const since = dateOf(alert.fireTime ?? alert.startTime)
        return (
          <li key={alert.id}>
            <StateMark
              name={markOf(alert.state, alert.severity)}
              label={t(`statistics.alert.states.${wordOf(alert.state)}`)}
            />
            <div>
              <Link to="/statistics" search={{ tab: 'alerts', id: alert.rule }}>
                {ruleTitle(alert.rule, alert.title, t)}
              </Link>{' '}
              <GroupOf labels={alert.labels} /> <span className={styles.hint}>{since && <Since date={since} />}</span>
              <div className={styles.why} lang="en">
                {alert.summary}
              </div>
            </div>
            <div className={styles.right}>
              {alert.silence ? (
                <span className={styles.hint}>{t('statistics.alert.silenced')}</span>
              ) : (
                <SilenceLink rule={alert.rule} />
              )}
            </div>
          </li>
        )
      })}
    </ul>
  )
}

function SilenceLink({ rule }: { rule: string }) {
  const { t } = useTranslation()
  const { set } = useSearch()
  if (!mayCall(useSession(), createAlertRule)) return null
  return (
    <Button size="compact-sm" variant="default" onClick={() => set({ part: 'silences', id: `new:${rule}` }, true)}>
      {t('statistics.alert.silence')}
    </Button>
  )
}

/** @returns what can be done with a rule; each is taken back by its opposite. */
export function useRuleActions() {
  const { t } = useTranslation()
  const { set } = useSearch()
  const act = useAct(refreshAlerts)
  const setPaused = ({ id }: AlertRule, paused: boolean) =>
    callUnaryMethod(transport, updateAlertRule, { alertRule: { id, paused }, updateMask: { paths: ['paused'] } })
  return {
    pause(rule: AlertRule) {
      const key = rule.paused ? 'statistics.alert.resumed' : 'statistics.alert.pausedNow'
      return act(() => setPaused(rule, !rule.paused), {
        said: t(key, { title: ruleTitle(rule.id, rule.title, t) }),
        back: () => setPaused(rule, rule.paused),
      })
    },
    remove(rule: AlertRule) {
      const { title, description, paused, severity, condition, labels, webhooks, hold, keepFiring, interval } = rule
      const alertRule = {
        ...{ title, description, paused, severity, condition, labels, webhooks },
        ...(hold && { hold }),
        ...(keepFiring && { keepFiring }),
        ...(interval && { interval }),
      }
      return act(
        async () => {
          await callUnaryMethod(transport, deleteAlertRule, { id: rule.id, etag: rule.etag })
          set({ id: undefined })
        },
        {
          said: t('statistics.alert.deleted', { title: ruleTitle(rule.id, title, t) }),
          back: () => callUnaryMethod(transport, createAlertRule, { alertRule }),
        },
      )
    },
  }
}

function RuleMenu({ rule }: { rule: AlertRule }) {
  const { t } = useTranslation()
  const { set } = useSearch()
  const { pause, remove } = useRuleActions()
  return (
    <RowMenu name={ruleTitle(rule.id, rule.title, t)}>
      <Menu.Item onClick={() => set({ id: rule.id, edit: true }, true)}>{t('statistics.alert.edit')}</Menu.Item>
      <Menu.Item onClick={() => set({ part: 'silences', id: `new:${rule.id}` }, true)}>
        {t('statistics.alert.silence')}
      </Menu.Item>
      <Menu.Item onClick={() => void pause(rule)}>
        {t(rule.paused ? 'statistics.alert.resume' : 'statistics.alert.pause')}
      </Menu.Item>
      <Menu.Item onClick={() => void remove(rule)}>{t('statistics.alert.delete')}</Menu.Item>
    </RowMenu>
  )
}
