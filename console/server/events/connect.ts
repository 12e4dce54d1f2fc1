/** The Console's part in events: it hears of users, and shows what is on its way. */
import type { EventsServiceService } from '@site11/proto/grpc/site11/console/v1/events_service.ts'
import type { Handlers } from '@site11/runtime/call.ts'
import { groupsWithDeadLetters, type SeenLetters } from '@site11/runtime/events/look.ts'
import { connectRedis } from '@site11/runtime/events/redis.ts'
import type { Probe } from '@site11/runtime/health.ts'
import type { Log } from '@site11/runtime/log.ts'
import type { Store } from '@site11/runtime/store/connect.ts'
import type { Sessions } from '../auth/sessions.ts'
import type { ConsoleConfig } from '../config.ts'
import { eventsService } from './service.ts'
import { followUsers } from './user-events.ts'

export interface ConsoleEvents {
  handlers: Handlers<typeof EventsServiceService>
  /** Whether events can be received. */
  probes: Record<string, Probe>
  /** Which groups have dead letters. Rejects while Redis does not answer. */
  deadLetters(): Promise<SeenLetters[]>
  close(): Promise<void>
}

/** Redis need not be there, neither now nor later; nor need its URL. */
export async function connectEvents(
  config: Pick<ConsoleConfig, 'SITE11_REDIS_URL' | 'SITE11_INSTANCE'>,
  store: Store,
  sessions: Sessions,
  log: Log,
): Promise<ConsoleEvents> {
  const { SITE11_REDIS_URL: redisUrl, SITE11_INSTANCE: instance } = config
  if (!redisUrl)
    return { handlers: eventsService(undefined), probes: {}, deadLetters: async () => [], close: async () => {} }
  const redis = connectRedis(redisUrl, `${instance}-events`, log)
  const users = await followUsers({ sessions, store, redisUrl, instance, log })
  return {
    handlers: eventsService(redis),
    probes: { events: users.probe },
    deadLetters: () => groupsWithDeadLetters(redis),
    async close() {
      await users.close()
      redis.disconnect()
    },
  }
}
