/** A page over the live mesh: skeleton until it is known, and honest when it is not live. */
import { Code, ConnectError } from '@connectrpc/connect'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { ProblemInline } from '../ui/problem.tsx'
import styles from './live-view.module.css'
import { StaleView } from './stale-view.tsx'
import { type Mesh, useMesh } from './use-mesh.ts'

/** @param children what is drawn of the mesh; undefined until it is known. */
export function LiveView({ children }: { children: (mesh: Mesh | undefined) => ReactNode }) {
  const { enabled, value: mesh, live, seen, error, retry } = useMesh()
  if (!enabled)
    return <ProblemInline error={new ConnectError('The scope mesh:read is missing.', Code.PermissionDenied)} />
  if (error && !mesh) return <ProblemInline error={error} onRetry={retry} />
  return (
    <StaleView stale={mesh !== undefined && !live} seen={seen} onRetry={retry}>
      {children(mesh)}
    </StaleView>
  )
}

/** That what one sees is how it is now. */
export function LiveMark({ live }: { live: boolean }) {
  const { t } = useTranslation()
  return live && <span className={styles.live}>{t('mesh.live')}</span>
}
