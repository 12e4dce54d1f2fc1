/** A page over the live mesh: skeleton until it is known, and honest when it is not live. */
import { Code, ConnectError } from '@connectrpc/connect'
import { Anchor, Group, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { ProblemInline } from '../ui/problem.tsx'
import styles from './live-view.module.css'
import { LastSeen } from './summary.tsx'
import { type Mesh, useMesh } from './use-mesh.ts'

/** @param children what is drawn of the mesh; undefined until it is known. */
export function LiveView({ children }: { children: (mesh: Mesh | undefined) => ReactNode }) {
  const { t } = useTranslation()
  const { enabled, value: mesh, live, seen, error, retry } = useMesh()
  if (!enabled)
    return <ProblemInline error={new ConnectError('The scope mesh:read is missing.', Code.PermissionDenied)} />
  if (error && !mesh) return <ProblemInline error={error} onRetry={retry} />
  const stale = mesh !== undefined && !live
  return (
    <>
      {stale && (
        <Group className={styles.banner} justify="space-between" role="alert">
          <Text>{seen && <LastSeen date={seen} />}</Text>
          <Anchor component="button" onClick={retry}>
            {t('common.retry')}
          </Anchor>
        </Group>
      )}
      <div className={stale ? styles.stale : ''}>{children(mesh)}</div>
    </>
  )
}

/** That what one sees is how it is now. */
export function LiveMark({ live }: { live: boolean }) {
  const { t } = useTranslation()
  return live && <span className={styles.live}>{t('mesh.live')}</span>
}
