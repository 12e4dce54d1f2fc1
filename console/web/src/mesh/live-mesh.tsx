/** What a page of the mesh stands in: says when what it shows is not how it is now, and greys it then. */
import { Anchor } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { ProblemInline } from '../ui/problem.tsx'
import styles from './live-mesh.module.css'
import { LastSeen } from './summary.tsx'
import { type Mesh, useMesh } from './use-mesh.ts'

/** @param children of the mesh; it is undefined until it is known first. */
export function LiveMesh({ children }: { children: (mesh: Mesh | undefined) => ReactNode }) {
  const { t } = useTranslation()
  const { value: mesh, live, seen, error, retry } = useMesh()
  if (error && !mesh) return <ProblemInline error={error} onRetry={retry} />
  const stale = mesh !== undefined && !live
  return (
    <>
      {stale && (
        <div className={styles.banner} role="alert">
          <span>{seen && <LastSeen date={seen} />}</span>
          <Anchor component="button" onClick={retry}>
            {t('common.retry')}
          </Anchor>
        </div>
      )}
      <div className={stale ? styles.stale : undefined} data-stale={stale || undefined}>
        {children(mesh)}
      </div>
    </>
  )
}

/** That what is seen is how it is now. */
export function LiveMark() {
  const { t } = useTranslation()
  const { live } = useMesh()
  return live && <span className={styles.live}>{t('mesh.live')}</span>
}
