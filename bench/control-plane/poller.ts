/** Asks a service through the edge, again and again, and tells who answered. */
import { setTimeout as delay } from 'node:timers/promises'
import type { BenchMesh } from '../mesh.ts'
import { nowMs } from './clock.ts'
import { callOnce, openSession } from './grpc.ts'

export interface Poller {
  sent: number
  /** Requests that were not answered well, by what was wrong. */
  failures: Record<string, number>
  /** Resolves with when the first answer of this instance arrived. */
  firstAnswer(instance: string): Promise<number>
  /** Waits for the answers that are under way. */
  stop(): Promise<void>
}

const pollMs = 2
const tokenLifeMs = 4 * 60_000
const mostUnderWay = 200

/** Sends a request each 2 ms, whatever comes back. */
export async function startPoller(mesh: Pick<BenchMesh, 'base' | 'login'>, service: string): Promise<Poller> {
  const path = `/site11.${service}.v1.FakeService/Method0`
  const session = openSession(new URL(mesh.base).host)
  const waiting = new Map<string, (atMs: number) => void>()
  let authorization = `Bearer ${await mesh.login()}`
  let underWay = 0
  async function ask() {
    if (underWay >= mostUnderWay) return
    underWay++
    poller.sent++
    const answer = await callOnce(session, path, { authorization }, new Uint8Array())
    underWay--
    if ('problem' in answer) poller.failures[answer.problem] = (poller.failures[answer.problem] ?? 0) + 1
    else {
      const name = answer.message.toString()
      waiting.get(name)?.(nowMs())
      waiting.delete(name)
    }
  }
  // The method may be new to the edge.
  const until = Date.now() + 10_000
  for (;;) {
    const answer = await callOnce(session, path, { authorization }, new Uint8Array())
    if (!('problem' in answer)) break
    if (Date.now() > until) throw new Error(`The edge does not serve ${path}: ${answer.problem}`)
    await delay(50)
  }
  const asking = setInterval(ask, pollMs)
  const renewing = setInterval(async () => {
    authorization = `Bearer ${await mesh.login()}`
  }, tokenLifeMs)
  const poller: Poller = {
    sent: 0,
    failures: {},
    firstAnswer: instance => new Promise(resolve => waiting.set(instance, resolve)),
    async stop() {
      clearInterval(asking)
      clearInterval(renewing)
      while (underWay > 0) await delay(5)
      session.close()
    },
  }
  return poller
}
