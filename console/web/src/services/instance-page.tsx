import { getRouteApi } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { LiveMark, LiveMesh } from '../mesh/live-mesh.tsx'
import styles from './instance.module.css'
import { InstanceView } from './instance.tsx'

const route = getRouteApi('/app/services/$service/$instance')

/** An instance as a page of its own. */
export function InstancePage() {
  const { t } = useTranslation()
  const { service, instance } = route.useParams()
  const { tab = 'state' } = route.useSearch()
  const navigate = route.useNavigate()
  return (
    <div className={styles.page}>
      <title>{`${instance} · site11`}</title>
      <div className={styles.pageLive}>
        <LiveMark />
      </div>
      <LiveMesh>
        {() => (
          <InstanceView
            name={instance}
            tab={tab}
            onTab={tab => void navigate({ search: tab === 'state' ? {} : { tab }, replace: true, resetScroll: false })}
            onGone={() => void navigate({ to: '/services/$service', params: { service } })}
            heading={1}
          />
        )}
      </LiveMesh>
      <span hidden>{t('services.title')}</span>
    </div>
  )
}
