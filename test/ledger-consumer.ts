/**
 * A consumer that writes down the effect of every event, in a process of its own, so that it can be killed. Arguments: the name of the
 * instance; URLs of MongoDB and Redis are in the environment. Prints a line when it is ready.
 */
import { each, on, subscribe } from '../services/runtime/events/subscribe.ts'
import { createLog } from '../services/runtime/log.ts'
import { connectStore } from '../services/runtime/store/connect.ts'
import { type Effect, group, types } from './ledger.ts'

const [instance = 'ledger-1'] = process.argv.slice(2)
const { SITE11_MONGO_URL: url = '', SITE11_REDIS_URL: redisUrl = '' } = process.env
const store = connectStore({ url, appName: instance })
const effects = store.db.collection<Effect>('effects')
const positions = store.db.collection<{ _id: string; count: number }>('positions')
const anything = { encode: () => ({ finish: () => new Uint8Array() }), decode: () => undefined }

const writeDown = on(anything, async (_, { id, subject, sequence }, session) => {
  const position = await positions.findOneAndUpdate(
    { _id: subject },
    { $inc: { count: 1 } },
    { session, upsert: true, returnDocument: 'after' },
  )
  await effects.insertOne({ eventId: id, subject, sequence, position: position?.count ?? 0 }, { session })
})

await subscribe({
  stream: 'users',
  group,
  store,
  redisUrl,
  instance,
  log: createLog(instance, 'warn'),
  handler: each(Object.fromEntries(types.map(type => [`site11.users.v1.${type}`, writeDown]))),
})
process.stdout.write('ready\n')
// Whoever started it may be gone.
process.stdin.resume().on('end', () => process.exit())
