/** Events: what is on its way between services, who is behind, and what could not be handled. */
import { Code, ConnectError } from '@connectrpc/connect'
import { Text } from '@mantine/core'
import { EventsService } from '@site11/proto/es/site11/console/v1/events_service_pb.ts'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { mayCall } from '../api/policy.ts'
import { problemFrom } from '../api/problem.ts'
import { useSession } from '../api/use-session.ts'
import { LiveMark } from '../mesh/live-view.tsx'
import { StaleView } from '../mesh/stale-view.tsx'
import { useCommands } from '../palette/commands.ts'
import { Boundary } from '../ui/boundary.tsx'
import { CopyCallMenu } from '../ui/copy-call.tsx'
import { Empty } from '../ui/empty.tsx'
import { Page } from '../ui/page.tsx'
import { ProblemInline } from '../ui/problem.tsx'
import records from '../ui/record-rows.module.css'
import { TabLinks } from '../ui/tab-links.tsx'
import { DeadLetters } from './dead-letters.tsx'
import { DeleteGroup } from './delete-group.tsx'
import { EventFeed } from './event-feed.tsx'
import styles from './events.module.css'
import { Replay } from './replay.tsx'
import { type Tab, tabs } from './search.ts'
import { StreamList } from './streams.tsx'
import { useStreams } from './use-streams.ts'

const route = getRouteApi('/app/events')

export function Events() {
  const { t } = useTranslation()
  const { tab = 'streams', stream, group, ask } = route.useSearch()
  const navigate = route.useNavigate()
  const known = useStreams()
  const { enabled, streams, error, live, seen, retry } = known
  const searchOf = (name: Tab) => (name === 'streams' ? {} : { tab: name })
  useCommands(
    tabs.map(name => ({
      id: `events/${name}`,
      title: t('events.show', { what: t(`events.tabs.${name}`) }),
      run: () => navigate({ search: searchOf(name) }),
    })),
  )
  const dead = streams?.flatMap(({ groups }) => groups).reduce((sum, { deadLetters }) => sum + deadLetters, 0n) ?? 0n
  const done = () => void navigate({ search: ({ ask: _, ...rest }) => rest, resetScroll: false })
  const body = () => {
    if (!enabled)
      return <ProblemInline error={new ConnectError('The scope events:read is missing.', Code.PermissionDenied)} />
    if (error && !streams)
      return (
        <>
          <ProblemInline error={error} onRetry={retry} />
          {problemFrom(error).reason === 'DEPENDENCY_UNAVAILABLE' && <Text c="dimmed">{t('events.away')}</Text>}
        </>
      )
    if (streams?.length === 0) return <Nothing />
    return (
      <div className={styles.page}>
        <TabLinks
          label={t('events.title')}
          tabs={tabs.map(name => ({
            key: name,
            label: name === 'dead' && dead > 0n ? `${t('events.tabs.dead')} (${dead})` : t(`events.tabs.${name}`),
            active: name === tab,
            link: { to: '/events', search: searchOf(name) },
          }))}
        />
        <Boundary key={tab}>
          {tab === 'feed' ? (
            <EventFeed streams={streams} />
          ) : (
            <StaleView stale={streams !== undefined && !live} seen={seen} onRetry={retry}>
              {tab === 'streams' && <StreamList known={known} />}
              {tab === 'dead' && <DeadLetters streams={streams} />}
            </StaleView>
          )}
        </Boundary>
      </div>
    )
  }
  return (
    <Page
      title={t('events.title')}
      aside={tab !== 'feed' && <LiveMark live={live} />}
      action={enabled && tab === 'streams' && <CopyCallMenu method={EventsService.method.listStreams} request={{}} />}
    >
      {body()}
      {ask === 'replay' && stream && group && <Replay stream={stream} group={group} onClose={done} />}
      {ask === 'delete' && stream && group && <DeleteGroup stream={stream} group={group} onClose={done} />}
    </Page>
  )
}

/** Nothing has happened yet, or nothing that anybody told of. */
function Nothing() {
  const { t } = useTranslation()
  const session = useSession()
  return (
    <div className={records.frame}>
      <Empty title={t('events.nothing')} hint={t('events.nothingHint')}>
        {mayCall(session, EventsService.method.listStreams) && <Link to="/users/new">{t('users.create')}</Link>}
      </Empty>
    </div>
  )
}
