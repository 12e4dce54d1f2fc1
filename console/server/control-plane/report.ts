/** What is said of a proxy: as a message of the API, and in words. */
import {
  DiscoveryVariant,
  type Proxy as ProxyMessage,
  ProxyProgress,
  type ProxyResourceType,
} from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import type { Connection, TypeRecord } from './connection.ts'
import { clientOf } from './node.ts'
import { type TypeUrl, typeUrls } from './snapshot.ts'

const progresses = {
  waiting: ProxyProgress.PROXY_PROGRESS_WAITING,
  refused: ProxyProgress.PROXY_PROGRESS_REFUSED,
  accepted: ProxyProgress.PROXY_PROGRESS_ACCEPTED,
}
const variants = {
  sotw: DiscoveryVariant.DISCOVERY_VARIANT_STATE_OF_THE_WORLD,
  delta: DiscoveryVariant.DISCOVERY_VARIANT_DELTA,
}

/** More ids than this are not listed. */
const maxChanges = 100

export function proxyOf(connection: Connection): ProxyMessage {
  const { node, connectTime, stream, progress, progressSince, takenChange } = connection
  return {
    nodeId: node.id,
    connectTime,
    types: typeUrls.flatMap(type => typeOf(connection, type) ?? []),
    client: clientOf(node),
    variant: variants[stream.variant],
    progress: progresses[progress],
    progressSince,
    takenChange,
  }
}

function typeOf({ stream, records }: Connection, typeUrl: TypeUrl): ProxyResourceType | undefined {
  const subscription = stream.subscriptions[typeUrl]
  const record = records.get(typeUrl)
  if (!subscription || !record) return undefined
  const { sentVersion, ackedVersion, refused } = subscription
  const { sentTime, ackedTime, nackedTime } = record
  return {
    typeUrl,
    sentVersion,
    ackedVersion,
    nackedVersion: refused?.version ?? '',
    nackReason: refused?.reason ?? '',
    sentTime,
    ackedTime,
    nackedTime: refused && nackedTime,
    nackedResources: [...record.refused.keys()],
    nackChanges: changesIn(record),
  }
}

function changesIn({ refused }: TypeRecord): number[] {
  const ids = [...refused.values()].flatMap(({ changes }) => {
    if (!changes) return []
    const { first, last } = changes
    const count = Math.min(last - first + 1, maxChanges)
    return Array.from({ length: count }, (_, index) => last - count + 1 + index)
  })
  return [...new Set(ids)].sort((a, b) => a - b).slice(-maxChanges)
}

/** In the order of `typeUrls`. */
const nouns = ['clusters', 'endpoints', 'listeners', 'filters', 'routes', 'certificates']
const nounOf = (type: TypeUrl) => nouns[typeUrls.indexOf(type)] ?? type

/**
 * What a proxy lacks of a change, and since when, in words; undefined when it has taken it. `isFinal`: it has answered for all, so
 * there is nothing to wait for.
 */
export function lackOf(
  connection: Connection,
  change: number,
  now: Date,
): { reason: string; isFinal: boolean } | undefined {
  const { stream, records, takenChange } = connection
  if (takenChange >= change) return undefined
  const lacking = [...records].filter(([, record]) => record.takenChange < change)
  const found = (state: TypeRecord['state']) => lacking.find(([, record]) => record.state === state)
  const unanswered = found('unanswered')
  if (unanswered) {
    const [type, { sentTime = now }] = unanswered
    const version = stream.subscriptions[type]?.sentVersion
    return open(`has not answered ${nounOf(type)} version ${version} sent ${ago(sentTime, now)}`)
  }
  const unsent = found('unsent')
  if (unsent) return open(`is still to be sent ${nounOf(unsent[0])}`)
  const unasked = found('unasked')
  if (unasked)
    return open(`has not asked for ${nounOf(unasked[0])} since it connected ${ago(connection.connectTime, now)}`)
  const refused = found('refused')
  if (refused && connection.change >= change) {
    const [type, record] = refused
    const names = [...record.refused.keys()].join(', ')
    return {
      reason: `refuses ${nounOf(type)} (${names}): ${stream.subscriptions[type]?.refused?.reason}`,
      isFinal: true,
    }
  }
  return open(`is still to be sent change ${change}`)
}

function open(reason: string) {
  return { reason, isFinal: false }
}

/** Such as `3.2 s ago`. */
export function ago(time: Date, now: Date): string {
  return `${(Math.max(0, now.getTime() - time.getTime()) / 1000).toFixed(1)} s ago`
}
