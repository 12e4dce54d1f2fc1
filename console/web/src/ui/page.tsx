import { Group, Stack, Text, Title } from '@mantine/core'
import { type ReactNode, useEffect, useRef } from 'react'

interface PageProps {
  title: string
  /** Beside the title, such as a count. */
  aside?: ReactNode
  /** The one primary action. */
  action?: ReactNode
  className?: string | undefined
  children: ReactNode
}

/** The frame of a page's content. Its title takes the focus from the link that led here, so that it is read out. */
export function Page({ title, aside, action, className, children }: PageProps) {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    if (document.activeElement !== document.body) heading.current?.focus({ preventScroll: true })
  }, [])
  return (
    <Stack gap="md" className={className}>
      <title>{`${title} · site11`}</title>
      <Group justify="space-between" mih={36}>
        <Group gap="xs" align="baseline">
          <Title order={1} ref={heading} tabIndex={-1}>
            {title}
          </Title>
          {aside !== undefined && <Text c="dimmed">{aside}</Text>}
        </Group>
        {action}
      </Group>
      {children}
    </Stack>
  )
}
