/** The Console killed with everybody attached: how long until all is as before, and whether proxies notice. */
import { setTimeout as delay } from 'node:timers/promises'
import { differencesOf, untilAgreed } from './agreement.ts'
import type { Simulation } from './simulation.ts'

export interface Restart {
  /** Since the kill, until it answers; until every instance is attached; until proxies, peers and registry agree. */
  seconds: { answers: number; attached: number; agreed: number }
  /** How often a proxy ceased to send requests to an instance. */
  ceased: number
  /** Instances that the registry took for gone. */
  expired: number
  differences: string[]
}

const giveUpMs = 120_000
/** A lease, and a little: whoever was forgotten meanwhile shows by then. */
const leaseMs = 12_000

/** @param count how many instances are attached and serve. */
export async function restarting(simulation: Simulation, count: number): Promise<Restart> {
  const { console, api, onTurns } = simulation
  const last = await api.lastChange()
  let ceased = 0
  onTurns.push(turns => {
    for (const [, , serving] of turns) if (!serving) ceased++
  })
  const began = Date.now()
  const since = () => (Date.now() - began) / 1000
  console.kill()
  const until = async (condition: () => Promise<boolean>) => {
    while (!(await condition().catch(() => false)) && Date.now() - began < giveUpMs) await delay(100)
    return since()
  }
  const answers = await until(async () => (await fetch(console.liveUrl)).ok)
  const attached = await until(async () => {
    const all = await api.instances()
    return all.filter(each => each.attached && each.service !== 'console').length >= count
  })
  await untilAgreed(simulation, giveUpMs, count)
  const agreed = since()
  await delay(leaseMs)
  const expired = await api.countChanges(`id > ${last} AND action = "instance.expired"`)
  return { seconds: { answers, attached, agreed }, ceased, expired, differences: await differencesOf(simulation, true) }
}
