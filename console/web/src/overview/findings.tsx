/** What is wrong, as the Console's diagnosis has it: what, why, what to do, and where. */
import { useQuery } from '@connectrpc/connect-query'
import {
  DiagnosticsService,
  type Finding,
  Severity,
} from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import { Link } from '@tanstack/react-router'
import { useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import type { en } from '../i18n/en.ts'
import { Subject } from '../mesh/change-words.tsx'
import { dateOf, type StateName } from '../mesh/state.ts'
import { subjectOf } from '../mesh/subject.ts'
import type { Mesh } from '../mesh/use-mesh.ts'
import { Panel } from '../ui/panel.tsx'
import { StateDot } from '../ui/state.tsx'
import { Since } from '../ui/time.tsx'
import styles from './findings.module.css'

/** Some findings come with time alone. ms. */
const askAgainMs = 15_000

const states: Record<number, StateName> = {
  [Severity.UNSPECIFIED]: 'unknown',
  [Severity.CRITICAL]: 'failing',
  [Severity.WARNING]: 'degraded',
  [Severity.NOTICE]: 'unknown',
}

type Code = keyof typeof en.overview.finding

/** Nothing while nothing is wrong. */
export function Findings({ mesh }: { mesh: Mesh | undefined }) {
  const { t } = useTranslation()
  const { data, refetch } = useQuery(DiagnosticsService.method.diagnose, {}, { refetchInterval: askAgainMs })
  const { lastChange, health } = mesh ?? {}
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked again when something has changed
  useEffect(() => {
    if (lastChange === undefined) return
    const timer = setTimeout(() => void refetch(), 200)
    return () => clearTimeout(timer)
  }, [lastChange, health])
  if (!data || data.findings.length === 0) return null
  return (
    <Panel title={t('overview.findings')} aside={data.findings.length}>
      <ul className={styles.findings}>
        {data.findings.map(finding => (
          <Item key={finding.code + finding.subject} finding={finding} />
        ))}
      </ul>
    </Panel>
  )
}

function Item({ finding: { severity, code, subject, problem, cause, nextStep, since } }: { finding: Finding }) {
  const { t, i18n } = useTranslation()
  const known = i18n.exists(`overview.finding.${code}.what`)
  const date = dateOf(since)
  const state = states[severity] ?? 'unknown'
  const { name } = subjectOf(subject)
  // The Console writes English. Other languages have the short form in words of their own, and its words below.
  const words = (
    <dl lang="en" className={styles.words}>
      <dt>{t('overview.problem')}</dt>
      <dd>{problem}</dd>
      <dt>{t('overview.cause')}</dt>
      <dd>{cause}</dd>
      <dt>{t('overview.next')}</dt>
      <dd>{nextStep}</dd>
    </dl>
  )
  return (
    <li>
      <StateDot
        name={state}
        label={t(`overview.severity.${state === 'failing' ? 'critical' : state === 'degraded' ? 'warning' : 'notice'}`)}
      />
      <div>
        <div className={styles.what}>
          <b>{known ? t(`overview.finding.${code as Code}.what`, { name: name || t('services.mesh') }) : code}</b>
          {date && (
            <span className={styles.since}>
              <Since date={date} />
            </span>
          )}
          {name && (
            <span className={styles.link}>
              <Subject subject={subject} />
            </span>
          )}
          {(code === 'EVENTS_BEHIND' || code === 'DEAD_LETTERS') && (
            <span className={styles.link}>
              <Link to="/events" search={code === 'DEAD_LETTERS' ? { tab: 'dead' } : {}}>
                {t('nav.events')}
              </Link>
            </span>
          )}
        </div>
        {i18n.language === 'en' ? (
          words
        ) : (
          <>
            {known && <p className={styles.todo}>{t(`overview.finding.${code as Code}.todo`)}</p>}
            <details>
              <summary>{t('overview.consoleWords')}</summary>
              {words}
            </details>
          </>
        )}
      </div>
    </li>
  )
}
