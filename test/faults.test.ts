/** Faults while three hundred requests a second go on, over two instances: each request is counted, and every failure explained. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { admin, createUser } from './accounts.ts'
import { mesh } from './api.ts'
import { meshCommand } from './cli.ts'
import { startMixedTraffic } from './mixed-traffic.ts'
import { pidsOf, untilHealthy } from './processes.ts'
import { until } from './until.ts'

let userIds: string[]

beforeAll(async () => {
  expect(await meshCommand(['scale', 'users=2'], mesh.settings)).toMatchObject({ code: 0 })
  await untilHealthy(mesh.url)
  userIds = await Promise.all(Array.from({ length: 50 }, async () => (await createUser({})).id))
})
afterEach(async () => {
  for (const name of stopped) await signal(name, 'SIGCONT')
  stopped.clear()
  await untilHealthy(mesh.url)
})
afterAll(async () => {
  await meshCommand(['scale', 'users=1'], mesh.settings)
})

const stopped = new Set<string>()
async function signal(name: string, kind: NodeJS.Signals): Promise<number> {
  const pid = (await pidsOf(mesh.settings))[name]
  if (pid === undefined) throw new Error(`${name} does not run`)
  process.kill(pid, kind)
  if (kind === 'SIGSTOP') stopped.add(name)
  return pid
}

const traffic = async (perSecond = 300) =>
  startMixedTraffic({ url: mesh.url, userIds, token: (await admin()) ?? '', perSecond })

test('an instance killed -9: nothing fails that may be sent again', async () => {
  const requests = await traffic()
  await requests.during(3000)
  const before = await signal('users-2', 'SIGKILL')
  await until('another process runs', async () => ((await pidsOf(mesh.settings))['users-2'] ?? before) !== before)
  await untilHealthy(mesh.url)
  await requests.during(2000)
  const account = await requests.stop('users-2 killed')
  expect(account.of('read').failures).toEqual([])
  expect(account.of('write').failures).toEqual([])
})

test('an instance frozen: it is passed over, and nobody waits for it any more within 5 s', async () => {
  const requests = await traffic()
  await requests.during(3000)
  const pid = (await pidsOf(mesh.settings))['users-2'] ?? 0
  const frozenMs = requests.now()
  stopped.add('users-2')
  process.kill(pid, 'SIGSTOP')
  await requests.during(10_000)
  const thawedMs = requests.now()
  process.kill(pid, 'SIGCONT')
  await requests.during(4000)
  await untilHealthy(mesh.url)
  await requests.during(2000)
  const account = await requests.stop('users-2 frozen')
  console.log(`frozen at ${Math.round(frozenMs)}, thawed at ${Math.round(thawedMs)} ms`)
  expect(account.of('read').failures).toEqual([])
})
