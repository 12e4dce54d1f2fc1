/** What is wrong, why, and what to do next: each with a link to what it concerns and to the changes that it comes from. */
import { useQuery } from '@connectrpc/connect-query'
import { Skeleton, Text } from '@mantine/core'
import {
  DiagnosticsService,
  type Finding,
  Severity,
} from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import { Link } from '@tanstack/react-router'
import { useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import type { en } from '../i18n/en.ts'
import { ProblemInline } from '../ui/problem.tsx'
import { StateMark } from '../ui/state.tsx'
import { Since } from '../ui/time.tsx'
import styles from './findings.module.css'
import { SubjectLink } from './links.tsx'
import { dateOf } from './state.ts'
import { useAsJournalGrows } from './use-as-journal-grows.ts'
import type { Mesh } from './use-mesh.ts'

type Code = keyof typeof en.overview.finding

function toneOf(severity: Severity) {
  if (severity === Severity.CRITICAL) return 'failing'
  return severity === Severity.WARNING ? 'degraded' : 'unknown'
}

/** Asked for when it is first seen, and again with each change of the mesh. */
export function Findings({ mesh }: { mesh: Mesh }) {
  const { t } = useTranslation()
  const { data, error, refetch } = useQuery(DiagnosticsService.method.diagnose, {}, { staleTime: 0 })
  useAsJournalGrows(refetch, mesh.lastChange)
  const { name } = mesh.summary
  // biome-ignore lint/correctness/useExhaustiveDependencies: not all that changes the state is in the journal
  useEffect(() => void refetch(), [name])
  if (error && !data) return <ProblemInline error={error} onRetry={refetch} />
  if (!data) return <Skeleton height={40} />
  if (data.findings.length === 0) return <Text c="dimmed">{t('findings.none')}</Text>
  return (
    <ul className={styles.list}>
      {data.findings.map(finding => (
        <One key={`${finding.code} ${finding.subject}`} finding={finding} mesh={mesh} />
      ))}
    </ul>
  )
}

function One({ finding, mesh }: { finding: Finding; mesh: Mesh }) {
  const { t, i18n } = useTranslation()
  const { severity, code, subject, problem, cause, nextStep, changes } = finding
  const since = dateOf(finding.since)
  const tone = toneOf(severity)
  const name = subject === 'mesh' ? t('findings.mesh') : subject.slice(subject.indexOf('/') + 1)
  // The Console writes English: in other languages it stands below what they have words of their own for.
  const own = i18n.language !== 'en' && i18n.exists(`overview.finding.${code}.what`)
  return (
    <li>
      <div className={styles.head}>
        <StateMark name={tone} label={t(`findings.severities.${tone}`)} />
        <SubjectLink subject={subject} mesh={mesh} className={styles.subject}>
          {name}
        </SubjectLink>
        {since && (
          <Text span size="xs" c="dimmed">
            <Since date={since} />
          </Text>
        )}
      </div>
      {own && (
        <>
          <p>{t(`overview.finding.${code as Code}.what`, { name })}</p>
          <p className={styles.more}>
            {t('findings.next')} {t(`overview.finding.${code as Code}.todo`)}
          </p>
        </>
      )}
      <div lang="en">
        <p className={own ? styles.more : undefined}>{problem}</p>
        <p className={styles.more}>{cause}</p>
        <p className={styles.more}>
          {own ? '' : `${t('findings.next')} `}
          {nextStep}
        </p>
      </div>
      {changes.length > 0 && (
        <p className={styles.more}>
          {t('findings.changes')}{' '}
          {changes.slice(-3).map(id => (
            <Link key={String(id)} to="/activity" search={{ change: Number(id) }} className={styles.change}>
              #{String(id)}
            </Link>
          ))}
        </p>
      )}
    </li>
  )
}
