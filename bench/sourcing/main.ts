/** `npm run bench -- sourcing`: what the stream of security events adds to writes of users. README.md says how. */
import { randomUUID } from 'node:crypto'
import { cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { User } from '@site11/proto/grpc/site11/users/v1/user.ts'
import { createLog } from '@site11/runtime/log.ts'
import { createGroupInserter } from '@site11/runtime/store/coalesce.ts'
import { connectStore } from '@site11/runtime/store/connect.ts'
import { startMongod } from '@site11/runtime/store/test-mongod.ts'
import type { UserDocument } from '@site11/users/document.ts'
import { changed, created } from '@site11/users/events.ts'
import { searchTokens } from '@site11/users/search.ts'
import { createUserStore } from '@site11/users/store.ts'
import { newUser } from '@site11/users/user.ts'
import { v7 as newId } from 'uuid'
import { type Started, stoppingAll } from '../cleanup.ts'
import { cpuUs } from '../process-usage.ts'
import { spreadOf } from '../stats.ts'

const help = `npm run bench -- sourcing [options]

  --rounds 7       how often each is measured
  --writes 4000    how many writes each time
  --parallel 32    writes under way at a time
  --help`

type Settings = Record<'rounds' | 'writes' | 'parallel', number>

function options(args: string[]): Settings & { help: boolean } {
  const text = (value: string) => ({ type: 'string', default: value }) as const
  const shape = { rounds: text('7'), writes: text('4000'), parallel: text('32') }
  const { values } = parseArgs({ args, options: { ...shape, help: { type: 'boolean', default: false } } })
  const count = (name: keyof Settings) => {
    const value = Number(values[name])
    if (Number.isInteger(value) && value >= 1 && value <= 100_000) return value
    throw new Error(`--${name} must be a whole number from 1 to 100000, not ${values[name]}.`)
  }
  return { help: values.help, rounds: count('rounds'), writes: count('writes'), parallel: count('parallel') }
}

interface Cost {
  service: number
  store: number
  perSecond: number
}

async function bench({ rounds, writes, parallel }: Settings, started: Started): Promise<string> {
  const mongod = await startMongod()
  started(mongod.stop)
  const store = connectStore({ url: mongod.url.replace('/?', '/bench_sourcing?'), appName: 'bench' })
  started(store.close)
  await store.ping()
  const own = await createUserStore(store, 'a secret for the bench', createLog('bench', 'silent'), () => {})
  const users = store.db.collection<UserDocument>('users')
  const insert = createGroupInserter(users)
  const by = { actor: `users/${newId()}`, traceId: '' }
  const next = () => {
    const fields = { email: `${randomUUID()}@example.com`, displayName: 'Ada Lovelace', locale: 'en-GB' }
    return newUser(User.fromPartial(fields), newId(), new Date())
  }

  /** The same writes without events: what the store would do if there were none. */
  async function insertPlain() {
    const user = next()
    await insert({ ...user, search: searchTokens(user.email, user.displayName), outbox: [created(user, '')] })
  }
  async function setRolesPlain(id: string, roles: string[]) {
    const before = await own.get(id)
    if (!before) throw new Error('The user is gone.')
    const $set = { roles, updateTime: new Date(), version: before.version + 1 }
    const $push = { outbox: changed(before, { ...before, ...$set }, '') }
    await users.updateOne({ _id: id, version: before.version }, { $set, $push })
  }

  async function measure(write: (n: number) => Promise<unknown>): Promise<Cost> {
    const cpu = () => [cpuUs(process.pid), cpuUs(mongod.pid)] as const
    const [service, database] = cpu()
    const began = performance.now()
    let n = 0
    const lane = async () => {
      while (n < writes) await write(n++)
    }
    await Promise.all(Array.from({ length: parallel }, lane))
    const seconds = (performance.now() - began) / 1000
    const [serviceAfter, databaseAfter] = cpu()
    const each = (used: number) => used / writes
    return { service: each(serviceAfter - service), store: each(databaseAfter - database), perSecond: writes / seconds }
  }

  const ids: string[] = []
  for (let n = 0; n < parallel * 4; n++) ids.push((await own.insert(next(), undefined, undefined, by))._id)
  const idAt = (n: number) => ids[n % ids.length] ?? ''
  const rolesAt = (n: number) => (Math.floor(n / ids.length) % 2 ? ['user'] : ['operator', 'user'])
  const cases: Record<string, [plain: (n: number) => Promise<unknown>, sourced: (n: number) => Promise<unknown>]> = {
    'create a user': [insertPlain, () => own.insert(next(), undefined, undefined, by)],
    'set its roles': [
      n => setRolesPlain(idAt(n), rolesAt(n)),
      n => own.change(idAt(n), '', new Date(), by, () => ({ roles: rolesAt(n) })),
    ],
  }
  const lines: string[] = []
  for (const [name, [plain, sourced]] of Object.entries(cases)) {
    const without: Cost[] = []
    const withEvents: Cost[] = []
    // The first round warms up. Outboxes are emptied, as a relay does.
    for (let round = 0; round <= rounds; round++) {
      process.stderr.write(`${name}, round ${round} of ${rounds}\n`)
      for (const [write, into] of [
        [plain, without],
        [sourced, withEvents],
      ] as const) {
        const cost = await measure(write)
        if (round > 0) into.push(cost)
        await users.updateMany({}, { $set: { outbox: [] } })
      }
      // Plain changes have passed the events by.
      await users.deleteMany({ _id: { $nin: ids } })
    }
    lines.push(row(`${name}, without events`, without), row(`${name}, with`, withEvents, without))
  }
  return [
    `${cpus().length} x ${cpus()[0]?.model}, Node ${process.version}, load average ${loadavg()[0]?.toFixed(1)}; medians of ${rounds} rounds (lowest-highest); CPU in us a write; x: of the one without in the same round`,
    ...lines,
  ].join('\n')
}

function row(name: string, costs: Cost[], beside?: Cost[]): string {
  const cell = (of: keyof Cost) => {
    const { median, min, max } = spreadOf(costs.map(cost => cost[of]))
    const ratio = beside && spreadOf(costs.map((cost, round) => cost[of] / (beside[round]?.[of] ?? Number.NaN))).median
    return `${of} ${median.toFixed(0)} (${min.toFixed(0)}-${max.toFixed(0)})${ratio ? ` x ${ratio.toFixed(2)}` : ''}`
  }
  return `  ${name.padEnd(32)}${cell('service')}, ${cell('store')}, ${cell('perSecond')}`
}

/** @returns the exit code. */
export async function benchSourcing(args: string[]): Promise<number> {
  const settings = options(args)
  if (settings.help) console.log(help)
  else console.log(await stoppingAll(started => bench(settings, started)))
  return 0
}
