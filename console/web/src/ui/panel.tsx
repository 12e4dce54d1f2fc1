import { Group, Text, Title } from '@mantine/core'
import { CatchBoundary } from '@tanstack/react-router'
import { type ReactNode, useId } from 'react'
import styles from './panel.module.css'
import { ProblemInline } from './problem.tsx'

interface PanelProps {
  title: string
  /** Beside the title. */
  aside?: ReactNode
  action?: ReactNode
  /** Said below the title, for what is not plain. */
  hint?: ReactNode
  children: ReactNode
}

/** A part of a page under a title of its own. When it fails, the rest of the page stays. */
export function Panel({ title, aside, action, hint, children }: PanelProps) {
  const id = useId()
  return (
    <section aria-labelledby={id}>
      <Group justify="space-between" mb="xs" mih={30} gap="xs">
        <Group gap="xs" align="baseline">
          <Title order={2} id={id}>
            {title}
          </Title>
          {aside !== undefined && (
            <Text c="dimmed" size="sm" component="div">
              {aside}
            </Text>
          )}
        </Group>
        {action}
      </Group>
      {hint && <p className={styles.hint}>{hint}</p>}
      <CatchBoundary
        getResetKey={() => title}
        errorComponent={({ error, reset }) => <ProblemInline error={error} onRetry={reset} />}
      >
        {children}
      </CatchBoundary>
    </section>
  )
}
