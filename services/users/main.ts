/** The Users service: config -> connect -> serve -> close. */
import { hkdfSync } from 'node:crypto'
import { join } from 'node:path'
import { UsersServiceService } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import { versionOf } from '@site11/runtime/config.ts'
import { createLog } from '@site11/runtime/log.ts'
import { closeOnSignal, serve, service } from '@site11/runtime/serve.ts'
import { connectStore } from '@site11/runtime/store/connect.ts'
import { v7 as newId } from 'uuid'
import { usersConfig } from './config.ts'
import { createSharedCounters } from './counters.ts'
import { createLinks } from './links.ts'
import { createMail } from './mail.ts'
import { createPasswords } from './passwords.ts'
import { usersService } from './service.ts'
import { createUserStore } from './store.ts'
import { createThrottle } from './throttle.ts'
import { createUserWatch } from './watch.ts'

const config = usersConfig()
const log = createLog(config.SITE11_INSTANCE, config.SITE11_LOG_LEVEL)

// All instances have the token to join with, so all read each other's page tokens and request marks.
const secret = Buffer.from(hkdfSync('sha256', config.SITE11_JOIN_TOKEN, '', 'site11 users v1', 32)).toString(
  'base64url',
)
const store = connectStore({ url: config.SITE11_MONGO_URL, appName: config.SITE11_INSTANCE })
const watching = connectStore({ url: config.SITE11_MONGO_URL, appName: `${config.SITE11_INSTANCE}-watch` })
const leaving = new AbortController()
const now = () => new Date()
const counters = createSharedCounters(config.SITE11_REDIS_URL, log)
const mail = createMail({
  smtpUrl: config.SITE11_SMTP_URL,
  from: config.SITE11_MAIL_FROM,
  folder: join(config.SITE11_HOME, 'mail'),
  log,
})
const handlers = usersService({
  store: await createUserStore(store, secret, log),
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
})
closeOnSignal(log, async () => {
  leaving.abort()
  await stop()
  await mail.close()
  counters.close()
  await watching.close()
  await store.close()
})
