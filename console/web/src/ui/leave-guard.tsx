import { Button, Group, Text } from '@mantine/core'
import { useBlocker } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'

interface LeaveGuardProps {
  dirty: () => boolean
  /** Whether an address is of the same edit: it is not held up. */
  stays?: (next: { pathname: string; search: object }) => boolean
}

/** Whatever leads away from an edit that is not saved is held up, and asked about in its place. */
export function LeaveGuard({ dirty, stays = () => false }: LeaveGuardProps) {
  const { t } = useTranslation()
  const { status, proceed, reset } = useBlocker({
    shouldBlockFn: ({ next }) => dirty() && !stays(next),
    enableBeforeUnload: dirty,
    withResolver: true,
  })
  if (status !== 'blocked') return null
  return (
    <Group role="alert" gap="xs" justify="space-between" mb="xs">
      <Text size="sm" fw={500}>
        {t('common.unsaved')}
      </Text>
      <Group gap="xs">
        <Button size="compact-sm" variant="default" onClick={proceed}>
          {t('common.discard')}
        </Button>
        <Button size="compact-sm" onClick={reset} data-autofocus autoFocus>
          {t('common.keepEditing')}
        </Button>
      </Group>
    </Group>
  )
}
