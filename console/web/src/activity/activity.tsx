/** The journal of the mesh: who did what to what, live, and provably whole. */
import { useInfiniteQuery, useQuery } from '@connectrpc/connect-query'
import { Button, Group, Skeleton } from '@mantine/core'
import { type Change, DiagnosticsService } from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import { IconPlayerPause, IconPlayerPlay } from '@tabler/icons-react'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useEffect, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useLive } from '../api/use-live.ts'
import { LiveMark, LiveView } from '../mesh/live-view.tsx'
import { useMesh } from '../mesh/use-mesh.ts'
import { useCommands } from '../palette/commands.ts'
import { useActorNames } from '../ui/actor.ts'
import { Boundary } from '../ui/boundary.tsx'
import { Empty } from '../ui/empty.tsx'
import { Page } from '../ui/page.tsx'
import { ProblemInline } from '../ui/problem.tsx'
import records from '../ui/record-rows.module.css'
import styles from './activity.module.css'
import { ChangeDrawer } from './detail.tsx'
import { Filter } from './filter.tsx'
import { ChangeList } from './list.tsx'
import { newChanges } from './live.ts'
import { filterText, isWanted, type Wanted, wantedOf } from './search.ts'
import { Verify } from './verify.tsx'

const route = getRouteApi('/app/activity')
const pageSize = 50

export function Activity() {
  const { t } = useTranslation()
  const { live } = useMesh()
  const search = route.useSearch()
  const [paused, setPaused] = useState(false)
  const PauseIcon = paused ? IconPlayerPlay : IconPlayerPause
  useCommands([
    {
      id: 'activity/pause',
      title: t(paused ? 'activity.resume' : 'activity.pause'),
      run: () => setPaused(now => !now),
    },
  ])
  return (
    <Page
      title={t('activity.title')}
      aside={<LiveMark live={live && !paused} />}
      action={
        <Group gap="xs">
          <Button
            variant="default"
            leftSection={<PauseIcon size={16} />}
            aria-pressed={paused}
            onClick={() => setPaused(!paused)}
          >
            {t(paused ? 'activity.resume' : 'activity.pause')}
          </Button>
          <Verify />
        </Group>
      }
    >
      <LiveView>
        {mesh => (
          <Boundary>
            <div className={styles.page}>
              <Filter />
              {/* Another filter is another list, with a beginning of its own. */}
              {mesh && (
                <Changes
                  key={JSON.stringify(wantedOf(search))}
                  wanted={wantedOf(search)}
                  head={mesh.lastChange}
                  paused={paused}
                  onContinue={() => setPaused(false)}
                />
              )}
              {!mesh && <Skeleton height={320} radius={8} />}
            </div>
          </Boundary>
        )}
      </LiveView>
      {search.change !== undefined && <ChangeDrawer id={search.change} />}
    </Page>
  )
}

interface ChangesProps {
  wanted: Wanted
  /** The last change of the journal. */
  head: bigint
  paused: boolean
  onContinue: () => void
}

function Changes({ wanted, head, paused, onContinue }: ChangesProps) {
  const { t } = useTranslation()
  // What was known when the list began; what came after is told by the stream.
  const [start] = useState(head)
  const [startMs] = useState(Date.now)
  const filter = filterText(wanted, startMs)
  const until = `id <= ${start}`
  const list = useInfiniteQuery(
    DiagnosticsService.method.listChanges,
    { filter: filter ? `(${filter}) AND ${until}` : until, pageSize, pageToken: '' },
    {
      pageParamKey: 'pageToken',
      getNextPageParam: ({ nextPageToken }) => nextPageToken || undefined,
      staleTime: Number.POSITIVE_INFINITY,
      gcTime: 0,
    },
  )
  const { value: fresh } = useLive(newChanges, { after: start })
  const byHand = useNewByHand(wanted, start, head)
  const arrived = useMemo(
    () => byHand ?? fresh?.changes.filter(change => isWanted(wanted, change)) ?? [],
    [byHand, fresh, wanted],
  )
  const shownNew = useHeld(arrived, paused)
  const loaded = list.data?.pages.flatMap(page => page.changes)
  const changes = loaded && [...shownNew, ...loaded]
  const names = useActorNames((changes ?? []).map(({ actor }) => actor))
  const waiting = arrived.length - shownNew.length

  if (list.error && !loaded) return <ProblemInline error={list.error} onRetry={list.refetch} />
  return (
    <>
      {waiting > 0 && (
        <Button variant="light" size="compact-sm" className={styles.waiting} onClick={onContinue}>
          {t('activity.waiting', { count: waiting })}
        </Button>
      )}
      {changes?.length === 0 ? (
        <div className={records.frame}>
          <Empty title={t('activity.noneFound')} hint={t('activity.noneFoundHint')}>
            <Link to="/activity">{t('activity.clear')}</Link>
          </Empty>
        </div>
      ) : (
        <ChangeList changes={changes} names={names} query={list} />
      )}
    </>
  )
}

/** What is new is held back while the list is paused. */
function useHeld(arrived: readonly Change[], paused: boolean): readonly Change[] {
  const [shown, setShown] = useState(arrived)
  useEffect(() => {
    if (!paused) setShown(arrived)
  }, [arrived, paused])
  return shown
}

/** A filter written by hand is judged by the server alone: asked for what is new whenever the journal grows. */
function useNewByHand({ filter }: Wanted, start: bigint, head: bigint): readonly Change[] | undefined {
  const request = { filter: `(${filter}) AND id > ${start} AND id <= ${head}`, pageSize: 1000 }
  const enabled = filter !== undefined && head > start
  const { data } = useQuery(DiagnosticsService.method.listChanges, request, {
    enabled,
    placeholderData: previous => previous,
    gcTime: 0,
  })
  if (!filter) return undefined
  return data?.changes ?? none
}

const none: readonly Change[] = []
