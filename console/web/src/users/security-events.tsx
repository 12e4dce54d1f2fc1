/** What has happened to a user's rights and credentials, and how its sessions began and ended. */
import { timestampDate } from '@bufbuild/protobuf/wkt'
import { useInfiniteQuery } from '@connectrpc/connect-query'
import { AuthService, type SignInEvent, SignInEventType } from '@site11/proto/es/site11/console/v1/auth_service_pb.ts'
import { type SecurityEvent, SecurityEventType } from '@site11/proto/es/site11/users/v1/security_pb.ts'
import { UsersService } from '@site11/proto/es/site11/users/v1/users_service_pb.ts'
import { useTranslation } from 'react-i18next'
import { mayCall } from '../api/policy.ts'
import { useSession } from '../api/use-session.ts'
import type { en } from '../i18n/en.ts'
import { absolute } from '../ui/format.ts'
import { EventList } from './event-list.tsx'

const pageSize = 10
const paging = {
  pageParamKey: 'pageToken',
  getNextPageParam: ({ nextPageToken }: { nextPageToken: string }) => nextPageToken || undefined,
} as const
const namesOf = <K extends string>(type: Record<string, number>) =>
  new Map(Object.entries(type).map(([name, value]) => [value, name.toLowerCase() as K]))
const eventNames = namesOf<keyof typeof en.security.types>(SecurityEventType)
const signInNames = namesOf<keyof typeof en.security.signInTypes>(SignInEventType)

/** Of any user, for those who may see it. */
export function UserSecurityEvents({ userId }: { userId: string }) {
  const session = useSession()
  return (
    <>
      {mayCall(session, UsersService.method.listSecurityEvents) && <OfUser userId={userId} />}
      {mayCall(session, AuthService.method.listUserSignInEvents) && <SignInsOfUser userId={userId} />}
    </>
  )
}

/** Of whoever is signed in. */
export function OwnSecurityEvents({ userId }: { userId: string }) {
  const events = useInfiniteQuery(UsersService.method.listMySecurityEvents, { pageSize, pageToken: '' }, paging)
  const signIns = useInfiniteQuery(AuthService.method.listSignInEvents, { pageSize, pageToken: '' }, paging)
  return (
    <>
      <SignIns userId={userId} list={signIns} events={signIns.data?.pages.flatMap(page => page.events)} />
      <Events userId={userId} list={events} events={events.data?.pages.flatMap(page => page.events)} />
    </>
  )
}

function OfUser({ userId }: { userId: string }) {
  const query = { userId, pageSize, pageToken: '' }
  const list = useInfiniteQuery(UsersService.method.listSecurityEvents, query, paging)
  return <Events userId={userId} list={list} events={list.data?.pages.flatMap(page => page.events)} />
}

function SignInsOfUser({ userId }: { userId: string }) {
  const query = { userId, pageSize, pageToken: '' }
  const list = useInfiniteQuery(AuthService.method.listUserSignInEvents, query, paging)
  return <SignIns userId={userId} list={list} events={list.data?.pages.flatMap(page => page.events)} />
}

interface Listed<E> {
  userId: string
  list: Parameters<typeof EventList>[0]['list']
  events: E[] | undefined
}

function Events({ userId, list, events }: Listed<SecurityEvent>) {
  const { t, i18n } = useTranslation()
  const detailOf = ({ roles, previousRoles, disabledUntil }: SecurityEvent) => {
    if (previousRoles.length > 0 || roles.length > 0) {
      return [previousRoles, roles].flatMap(each => (each.length > 0 ? [each.join(', ')] : [])).join(' → ')
    }
    return disabledUntil && t('security.until', { time: absolute(timestampDate(disabledUntil), i18n.language) })
  }
  return (
    <EventList
      title={t('security.account')}
      own={`users/${userId}`}
      list={list}
      events={events}
      textOf={({ type }) => {
        const name = eventNames.get(type)
        return name ? t(`security.types.${name}`) : String(type)
      }}
      detailOf={detailOf}
    />
  )
}

function SignIns({ userId, list, events }: Listed<SignInEvent>) {
  const { t } = useTranslation()
  return (
    <EventList
      title={t('security.signIns')}
      own={`users/${userId}`}
      list={list}
      events={events}
      textOf={({ type }) => {
        const name = signInNames.get(type)
        return name ? t(`security.signInTypes.${name}`) : String(type)
      }}
      detailOf={({ sessionIds }) => sessionIds.length > 1 && t('security.sessions', { count: sessionIds.length })}
    />
  )
}
