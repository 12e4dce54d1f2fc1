/** What a rule would find now. */
import { useMutation } from '@connectrpc/connect-query'
import { Button, Text } from '@mantine/core'
import { type AlertRule, AlertsService } from '@site11/proto/es/site11/statistics/v1/alerts_service_pb.ts'
import { useTranslation } from 'react-i18next'
import { ProblemInline } from '../ui/problem.tsx'
import { StateMark } from '../ui/state.tsx'
import { GroupOf } from './alert-group.tsx'
import { type RuleDraft, ruleFrom } from './rule-draft.ts'
import styles from './statistics.module.css'

const { testAlertRule } = AlertsService.method

export function RuleTest({ draft, rule }: { draft: RuleDraft; rule: AlertRule | undefined }) {
  const { t } = useTranslation()
  const testing = useMutation(testAlertRule)
  return (
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
                  <GroupOf labels={labels} /> <span lang="en">{summary}</span>
                </li>
              ))}
            </ul>
          ))}
      </div>
    </div>
  )
}
