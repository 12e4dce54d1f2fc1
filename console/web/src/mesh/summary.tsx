/** The state of the whole mesh: one sentence, and the pill of the top bar that opens it. */
import type { TFunction } from 'i18next'
import { lazy, Suspense, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { BarMenu } from '../ui/bar-menu.tsx'
import { list, relative } from '../ui/format.ts'
import { StateMark } from '../ui/state.tsx'
import { useNow } from '../ui/time.tsx'
import type { MeshSummary } from './state.ts'
import styles from './summary.module.css'
import { useMesh } from './use-mesh.ts'

const Findings = lazy(async () => ({ default: (await import('./findings.tsx')).Findings }))

function sentence({ failing, degraded, refusing, ...counts }: MeshSummary, t: TFunction, language: string): string {
  const said: string[] = []
  if (failing.length > 0) said.push(t('mesh.failing', { count: failing.length, names: list(failing, language) }))
  if (counts.proxies === 0) said.push(t('mesh.noProxy'))
  if (degraded.length > 0) said.push(t('mesh.degraded', { names: list(degraded, language) }))
  if (refusing.length > 0) said.push(t('mesh.refusing', { names: list(refusing, language) }))
  if (said.length > 0) return said.join(' ')
  return t('mesh.healthy', {
    services: t('mesh.services', { count: counts.services }),
    instances: t('mesh.instances', { count: counts.instances }),
    proxies: t('mesh.proxies', { count: counts.proxies }),
  })
}

export function LastSeen({ date }: { date: Date }) {
  const { t, i18n } = useTranslation()
  return t('mesh.lastSeen', { time: relative(date, useNow(date), i18n.language) })
}

/** Nothing for those who may not see the mesh. */
export function MeshPill() {
  const { t, i18n } = useTranslation()
  const { enabled, value: mesh, live, seen, error } = useMesh()
  const [open, setOpen] = useState(false)
  if (!enabled) return null
  const name = live && mesh ? mesh.summary.name : 'unknown'
  return (
    <BarMenu
      label={t('mesh.label', { state: t(`state.${name}`) })}
      buttonClass={styles.pill}
      button={<StateMark name={name} />}
      onToggle={setOpen}
    >
      <div className={styles.why}>
        {!live && seen && (
          <p>
            <LastSeen date={seen} />
          </p>
        )}
        {error !== undefined && !mesh && <p>{t('problem.code.UNAVAILABLE.what')}</p>}
        {mesh && <p>{sentence(mesh.summary, t, i18n.language)}</p>}
        {mesh && open && (
          <Suspense>
            <Findings mesh={mesh} />
          </Suspense>
        )}
      </div>
    </BarMenu>
  )
}
