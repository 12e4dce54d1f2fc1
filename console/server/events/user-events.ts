/** What the Console does when something has happened to a user: sessions end that would not be refreshed any more. */
import { UserDeleted, UserDisabled, UserPasswordChanged } from '@site11/proto/grpc/site11/users/v1/events.ts'
import type { Event } from '@site11/runtime/events/event.ts'
import { type Consumer, each, on, subscribe } from '@site11/runtime/events/subscribe.ts'
import type { Log } from '@site11/runtime/log.ts'
import type { Store } from '@site11/runtime/store/connect.ts'
import type { ClientSession } from 'mongodb'
import type { Sessions } from '../auth/sessions.ts'

export interface UserEventsOptions {
  sessions: Pick<Sessions, 'endOfUser'>
  store: Store
  redisUrl: string
  instance: string
  log: Log
}

export function followUsers({ sessions, ...rest }: UserEventsOptions): Promise<Consumer> {
  /** Not those that began later: the user may sign in again since. */
  const endAll = (_: unknown, event: Event, session: ClientSession) =>
    sessions.endOfUser(userIn(event.subject), { createdBy: event.time ?? new Date() }, traceOf(event), session)
  return subscribe({
    ...rest,
    stream: 'users',
    group: 'console',
    handler: each({
      'site11.users.v1.UserDeleted': on(UserDeleted, endAll),
      'site11.users.v1.UserDisabled': on(UserDisabled, endAll),
      // Who changes a password knowing the old one stays signed in where that was done.
      'site11.users.v1.UserPasswordChanged': on(
        UserPasswordChanged,
        async ({ byLink, passwordVersion }, event, session) => {
          if (!byLink) return
          await sessions.endOfUser(userIn(event.subject), { passwordBefore: passwordVersion }, traceOf(event), session)
        },
      ),
    }),
  })
}

const userIn = (subject: string) => subject.slice('users/'.length)
const traceOf = ({ traceparent }: Event) => traceparent.split('-')[1] ?? ''
