import { Group, Text, Title } from '@mantine/core'
import { type ReactNode, useId } from 'react'
import { Boundary } from './boundary.tsx'

interface PanelProps {
  title: string
  /** Beside the title. */
  aside?: ReactNode
  action?: ReactNode
  children: ReactNode
}

/** A part of a page under a title of its own. When it fails, the rest of the page stays. */
export function Panel({ title, aside, action, children }: PanelProps) {
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
      <Boundary>{children}</Boundary>
    </section>
  )
}
