/** How long commands of MongoDB and Redis took, as their drivers tell. */
import { tracingChannel } from 'node:diagnostics_channel'
import type { MongoClient } from 'mongodb'
import { durations } from './metrics.ts'

const operations = durations({
  name: 'db.client.operation.duration',
  description: 'How long commands to databases took',
  unit: 's',
  labels: ['db_system_name', 'db_operation_name', 'error_type'],
})

/** Measures the commands of a client that is made with `monitorCommands`. */
export function measureMongo(client: MongoClient): void {
  client.on('commandSucceeded', ({ commandName, duration }) => {
    // What waits for changes takes as long as nothing happens.
    if (commandName !== 'getMore') operations.record(duration, 'mongodb', commandName, '')
  })
  client.on('commandFailed', ({ commandName, duration, failure }) => {
    if (commandName !== 'getMore') operations.record(duration, 'mongodb', commandName, failure.name)
  })
}

/** What ioredis tells of: the same object from the beginning of a command to its end. */
interface RedisCommand {
  command: string
  error?: unknown
}

/** These wait for something to happen. */
const waiting = new Set(['xreadgroup', 'xread', 'blpop', 'brpop', 'subscribe', 'psubscribe'])
const begun = new WeakMap<RedisCommand, number>()
let measuring = false

/** Measures the commands of all clients of this process, from the first call on. */
export function measureRedis(): void {
  if (measuring) return
  measuring = true
  const nothing = () => {}
  tracingChannel<unknown, RedisCommand>('ioredis:command').subscribe({
    start: message => void begun.set(message, performance.now()),
    end: nothing,
    asyncStart: nothing,
    asyncEnd: recordRedis,
    error: nothing,
  })
}

function recordRedis(message: RedisCommand) {
  const startedMs = begun.get(message)
  const name = message.command.toLowerCase()
  if (startedMs === undefined || waiting.has(name)) return
  const error = message.error instanceof Error ? message.error.name : ''
  operations.record(performance.now() - startedMs, 'redis', name, error)
}
