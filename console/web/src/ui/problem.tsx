/** The one way to show that something failed: what happened, what to do, and the details to quote. */
import { Button, CopyButton, Group, Stack, Text, Title } from '@mantine/core'
import type { i18n } from 'i18next'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { type Problem, problemDetails, problemFrom } from '../api/problem.ts'
import type { en } from '../i18n/en.ts'
import { duration, moment } from './format.ts'
import styles from './problem.module.css'

interface ProblemProps {
  /** Anything thrown. */
  error: unknown
  /** Offered as "Try again". */
  onRetry?: (() => void) | undefined
  /** More to do, such as a link. */
  children?: ReactNode
}

type Key = `reason.${keyof typeof en.problem.reason}` | `code.${keyof typeof en.problem.code}`

/** @returns what happened and what to do about it, in the language of the page. */
export function wordsFor({ code, reason }: Problem, { t, exists }: i18n): { what: string; todo: string } {
  const known = [`reason.${reason}`, `code.${code}`].find(key => exists(`problem.${key}.what`))
  const key = (known ?? 'code.OTHER') as Key
  return { what: t(`problem.${key}.what`), todo: t(`problem.${key}.todo`) }
}

/** Inside a page or a form. */
export function ProblemInline(props: ProblemProps) {
  return (
    <div role="alert" className={styles.inline}>
      <Words {...props} />
    </div>
  )
}

/** Instead of a page. */
export function ProblemPage(props: ProblemProps) {
  return (
    <div role="alert" className={styles.page}>
      <Words {...props} whole />
    </div>
  )
}

function Words({ error, onRetry, children, whole }: ProblemProps & { whole?: boolean }) {
  const { t, i18n } = useTranslation()
  const problem = problemFrom(error)
  const { what, todo } = wordsFor(problem, i18n)
  const { reason, until } = problem.metadata
  // Other reasons say the same in their own words.
  const fields = problem.reason === 'INVALID_FIELD' ? problem.violations : []
  return (
    <Stack gap={whole ? 'sm' : 4} align="flex-start">
      {whole ? <Title order={1}>{what}</Title> : <Text fw={600}>{what}</Text>}
      <Text c="dimmed">{todo}</Text>
      {problem.reason === 'ACCOUNT_DISABLED' && reason && <Text>{t('problem.disabledBecause', { reason })}</Text>}
      {problem.reason === 'ACCOUNT_DISABLED' && until && (
        <Text>{t('problem.disabledUntil', { time: moment(new Date(until), i18n.language) })}</Text>
      )}
      {problem.retryAfterMs !== undefined && problem.retryAfterMs >= 1000 && (
        <Text>{t('problem.retryIn', { time: duration(problem.retryAfterMs, i18n.language) })}</Text>
      )}
      {fields.map(({ field, description }) => (
        <Text key={field + description} size="sm">
          <span className="mono">{field}</span> {description}
        </Text>
      ))}
      <Group gap="xs" mt={whole ? 'sm' : 4}>
        {onRetry && problem.code !== 'PERMISSION_DENIED' && (
          <Button size={whole ? 'sm' : 'compact-sm'} variant={whole ? 'filled' : 'default'} onClick={onRetry}>
            {t('common.retry')}
          </Button>
        )}
        {problem.code === 'CLIENT' && (
          <Button size={whole ? 'sm' : 'compact-sm'} onClick={() => location.reload()}>
            {t('common.reload')}
          </Button>
        )}
        {children}
        <CopyButton value={problemDetails(problem)}>
          {({ copied, copy }) => (
            <Button size={whole ? 'sm' : 'compact-sm'} variant="default" onClick={copy}>
              {t(copied ? 'common.copied' : 'problem.copy')}
            </Button>
          )}
        </CopyButton>
      </Group>
    </Stack>
  )
}
