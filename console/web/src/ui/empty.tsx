import { Stack, Text } from '@mantine/core'
import type { ReactNode } from 'react'

/** Nothing to show: says so, and what can be done. */
export function Empty({ title, hint, children }: { title: string; hint?: string | undefined; children?: ReactNode }) {
  return (
    <Stack align="center" gap={6} py={48} px="md">
      <Text fw={500}>{title}</Text>
      {hint && (
        <Text c="dimmed" size="sm" ta="center" maw={420}>
          {hint}
        </Text>
      )}
      {children}
    </Stack>
  )
}
