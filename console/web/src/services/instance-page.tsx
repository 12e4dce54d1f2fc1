import { getRouteApi } from '@tanstack/react-router'
import { LiveMark, LiveView } from '../mesh/live-view.tsx'
import { useMesh } from '../mesh/use-mesh.ts'
import styles from './instance.module.css'
import { InstanceView } from './instance.tsx'

const route = getRouteApi('/app/services/$service/$instance')

/** An instance as a page of its own. */
export function InstancePage() {
  const { live } = useMesh()
  const { service, instance } = route.useParams()
  const { tab = 'state' } = route.useSearch()
  const navigate = route.useNavigate()
  return (
    <div className={styles.page}>
      <title>{`${instance} · site11`}</title>
      <div className={styles.pageLive}>
        <LiveMark live={live} />
      </div>
      <LiveView>
        {() => (
          <InstanceView
            name={instance}
            tab={tab}
            onTab={tab => void navigate({ search: tab === 'state' ? {} : { tab }, replace: true, resetScroll: false })}
            onGone={() => void navigate({ to: '/services/$service', params: { service } })}
            heading={1}
          />
        )}
      </LiveView>
    </div>
  )
}
