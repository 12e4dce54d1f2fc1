/** An instance over the page that one came from. Reloaded or widened it is a page of its own. */
import { ActionIcon, CloseButton, Drawer, Skeleton } from '@mantine/core'
import { IconArrowsMaximize } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { lazy, Suspense, useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useMesh } from '../mesh/use-mesh.ts'
import { PageCalls } from '../ui/page-calls.tsx'
import styles from './instance.module.css'
import type { InstanceTab } from './search.ts'

const InstanceView = lazy(async () => ({ default: (await import('./instance.tsx')).InstanceView }))

interface InstanceDrawerProps {
  /** Open while there is one. */
  name: string | undefined
  tab: InstanceTab
  onTab: (tab: InstanceTab) => void
  onClose: () => void
}

export function InstanceDrawer({ name, tab, onTab, onClose }: InstanceDrawerProps) {
  const { t } = useTranslation()
  const { value: mesh } = useMesh()
  // What is closing is still drawn while it goes.
  const [last, setLast] = useState(name)
  useEffect(() => {
    if (name) setLast(name)
  }, [name])
  const shown = name ?? last
  const service = mesh?.instances.get(shown ?? '')?.instance?.service ?? shown?.replace(/-[^-]*$/, '') ?? ''
  return (
    // The focus goes back to the row of the instance, which the table knows also when it has been drawn anew meanwhile.
    <Drawer.Root opened={name !== undefined} onClose={onClose} returnFocus={false} size="min(720px, 100vw)">
      <Drawer.Overlay backgroundOpacity={0.2} />
      <Drawer.Content aria-label={shown}>
        <Drawer.Body className={styles.drawer}>
          <div className={styles.corner}>
            <PageCalls />
            {shown && (
              <ActionIcon
                variant="subtle"
                color="gray"
                aria-label={t('services.widen')}
                title={t('services.widen')}
                renderRoot={props => (
                  <Link
                    to="/services/$service/$instance"
                    params={{ service, instance: shown }}
                    search={tab === 'state' ? {} : { tab }}
                    {...props}
                  />
                )}
              >
                <IconArrowsMaximize size={16} />
              </ActionIcon>
            )}
            <CloseButton onClick={onClose} aria-label={t('common.close')} />
          </div>
          {shown && (
            <Suspense fallback={<Skeleton height={240} />}>
              <InstanceView key={shown} name={shown} tab={tab} onTab={onTab} onGone={onClose} heading={2} />
            </Suspense>
          )}
        </Drawer.Body>
      </Drawer.Content>
    </Drawer.Root>
  )
}
