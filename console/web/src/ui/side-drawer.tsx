import { CloseButton, Drawer, Group, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { PageCalls } from './page-calls.tsx'

interface SideDrawerProps {
  opened: boolean
  onClose: () => void
  title: string
  /** Beside the title. */
  action?: ReactNode
  children: ReactNode
}

/** A form or a detail at the right of the page that it belongs to. */
export function SideDrawer({ opened, onClose, title, action, children }: SideDrawerProps) {
  const { t } = useTranslation()
  return (
    <Drawer.Root opened={opened} onClose={onClose}>
      <Drawer.Overlay />
      <Drawer.Content aria-label={title}>
        <Drawer.Body>
          <Group justify="space-between" mb="md" wrap="nowrap" align="flex-start">
            <Title order={2}>{title}</Title>
            <Group gap={4} wrap="nowrap">
              <PageCalls />
              {action}
              <CloseButton onClick={onClose} aria-label={t('common.close')} />
            </Group>
          </Group>
          {children}
        </Drawer.Body>
      </Drawer.Content>
    </Drawer.Root>
  )
}
