/** The Users service: config -> connect -> serve -> close. */
import { join } from 'node:path'
import { UsersServiceService } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import { versionOf } from '@site11/runtime/config.ts'
import { createLog } from '@site11/runtime/log.ts'
import { closeOnSignal, serve, service } from '@site11/runtime/serve.ts'
import { MongoClient } from 'mongodb'
import { v7 as newId } from 'uuid'
import { usersConfig } from './config.ts'
import { createSharedCounters } from './counters.ts'
import { createLinks } from './links.ts'
import { createMail } from './mail.ts'
import { createPasswords } from './passwords.ts'
import { usersService } from './service.ts'
import { createUserStore } from './store.ts'
import { createThrottle } from './throttle.ts'

const config = usersConfig()
const log = createLog(config.SITE11_INSTANCE, config.SITE11_LOG_LEVEL)

const client = await new MongoClient(config.SITE11_MONGO_URL, { serverSelectionTimeoutMS: 2000 }).connect()
const db = client.db()
const counters = createSharedCounters(config.SITE11_REDIS_URL, log)
const mail = createMail({
  smtpUrl: config.SITE11_SMTP_URL,
  from: config.SITE11_MAIL_FROM,
  folder: join(config.SITE11_HOME, 'mail'),
  log,
})
const handlers = usersService({
  store: await createUserStore(client, db),
  links: await createLinks(db),
  mail,
  passwords: createPasswords(),
  throttle: createThrottle(counters),
  publicUrl: config.SITE11_PUBLIC_URL,
  log,
  now: () => new Date(),
  newId,
})

const stop = await serve({
  name: 'users',
  version: versionOf(import.meta.dirname),
  config,
  log,
  services: () => [service(UsersServiceService, handlers)],
  probes: { mongodb: () => db.command({ ping: 1 }) },
})
closeOnSignal(log, async () => {
  await stop()
  await mail.close()
  counters.close()
  await client.close()
})
