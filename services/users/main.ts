/** The Users service: config -> connect -> serve -> close. */
import { hkdfSync } from 'node:crypto'
import { join } from 'node:path'
import { UsersServiceService } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import { ConfigError, versionOf } from '@site11/runtime/config.ts'
import { ServiceError } from '@site11/runtime/errors.ts'
import { createRelay } from '@site11/runtime/events/relay.ts'
import { createLog, type Log } from '@site11/runtime/log.ts'
import { closeOnSignal, serve, service } from '@site11/runtime/serve.ts'
import { connectStore } from '@site11/runtime/store/connect.ts'
import { v7 as newId } from 'uuid'
import { type UsersConfig, usersConfig } from './config.ts'
import { createSharedCounters } from './counters.ts'
import { stream } from './events.ts'
import { createLinks } from './links.ts'
import { createMail } from './mail.ts'
import { createPasswords } from './passwords.ts'
import { usersService } from './service.ts'
import { createUserStore } from './store.ts'
import { createThrottle } from './throttle.ts'
import { createUserWatch } from './watch.ts'

try {
  const config = usersConfig()
  const log = createLog(config.SITE11_INSTANCE, config.SITE11_LOG_LEVEL)
  closeOnSignal(log, await start(config, log))
} catch (error) {
  // A setting that is wrong, or no database: what to do is in the message.
  if (!(error instanceof ConfigError || error instanceof ServiceError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exit(1)
}

/** @returns the function that ends it. */
async function start(config: UsersConfig, log: Log): Promise<() => Promise<void>> {
  // All instances have the token to join with, so all read each other's page tokens and request marks.
  const derived = hkdfSync('sha256', config.SITE11_JOIN_TOKEN, '', 'site11 users v1', 32)
  const secret = Buffer.from(derived).toString('base64url')
  const store = connectStore({ url: config.SITE11_MONGO_URL, appName: config.SITE11_INSTANCE })
  const watching = connectStore({ url: config.SITE11_MONGO_URL, appName: `${config.SITE11_INSTANCE}-watch` })
  const counters = createSharedCounters(config.SITE11_REDIS_URL, log)
  const mail = createMail({
    smtpUrl: config.SITE11_SMTP_URL,
    from: config.SITE11_MAIL_FROM,
    folder: join(config.SITE11_HOME, 'mail'),
    log,
  })
  const relay = createRelay({
    stream,
    db: store.db,
    collections: [store.db.collection('users')],
    redisUrl: config.SITE11_REDIS_URL,
    instance: config.SITE11_INSTANCE,
    log,
  })
  const leaving = new AbortController()
  const now = () => new Date()
  const handlers = usersService({
    store: await createUserStore(store, secret, log, (id, first) => relay.written('users', id, first)),
    watch: createUserWatch(watching, leaving.signal, now),
    links: await createLinks(store.db, log),
    mail,
    passwords: createPasswords(),
    throttle: createThrottle(counters),
    publicUrl: config.SITE11_PUBLIC_URL,
    secret,
    log,
    now,
    newId,
  })
  const stop = await serve({
    name: 'users',
    version: versionOf(import.meta.dirname),
    config,
    log,
    services: () => [service(UsersServiceService, handlers)],
    probes: { mongodb: store.ping },
    dispensable: { redis: counters.ping, events: relay.probe },
  })
  return async () => {
    leaving.abort()
    await stop()
    await relay.close()
    await mail.close()
    counters.close()
    await watching.close()
    await store.close()
  }
}
