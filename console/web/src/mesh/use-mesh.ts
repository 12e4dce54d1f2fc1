import { useQuery } from '@connectrpc/connect-query'
import { RegistryService } from '@site11/proto/es/site11/console/v1/registry_service_pb.ts'
import { mayCall } from '../api/policy.ts'
import { useSession } from '../api/use-session.ts'
import { type MeshSummary, summaryOf } from './state.ts'

const { listInstances, listProxies } = RegistryService.method

/**
 * The mesh as the Console reports it, asked for again and again.
 * @param period in ms; with several users of this hook the shortest counts.
 */
export function useMesh(period: number) {
  const enabled = mayCall(useSession(), listInstances)
  // The next attempt comes anyway, once there is something to keep up to date; until then it is the user's to try again.
  const options = {
    enabled,
    retry: false,
    refetchInterval: (query: { state: { data: unknown } }) => (query.state.data ? period : false),
  } as const
  const instances = useQuery(listInstances, {}, options)
  const proxies = useQuery(listProxies, {}, options)
  const summary: MeshSummary | undefined =
    instances.data && proxies.data && summaryOf(instances.data.instances, proxies.data.proxies)
  return {
    enabled,
    instances: instances.data?.instances,
    proxies: proxies.data?.proxies,
    summary,
    /** Why the last attempt failed; undefined while what is shown is live. */
    failed: instances.error ?? proxies.error ?? undefined,
    /** When both were seen last. */
    seen: new Date(Math.min(instances.dataUpdatedAt, proxies.dataUpdatedAt)),
    retry: () => void Promise.all([instances.refetch(), proxies.refetch()]),
  }
}
