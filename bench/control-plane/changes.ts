/** A mix of changes at a rate: instances that go out of service in one of several ways, and come back. */
import { setTimeout as delay } from 'node:timers/promises'
import { nowMs } from './clock.ts'
import type { Arrival, Tracker } from './tracker.ts'

export interface Member {
  name: string
  port: number
}

/** A way out of service and back. */
export interface Way {
  out: string
  back: string
  /** How many of all changes are of this way, 0 to 1. */
  share: number
  /** The instances that it happens to, the longest in service first. Ways may share them. */
  members: Member[]
  goOut(name: string): Promise<unknown>
  comeBack(name: string): Promise<unknown>
}

export interface Change extends Arrival {
  kind: string
}

export interface Changes {
  made: Change[]
  /** What some proxy did not get. */
  lost: string[]
  /** What was due and not made, as no instance was free for it. */
  skipped: number
}

/** So many are out of service at a time in each way. */
const mostOut = 20
const turnMs = 5

/** Makes changes for so long, then brings everybody back into service at the same rate. Resolves when all has arrived or is lost. */
export async function makeChanges(
  ways: Way[],
  { perSecond, seconds, tracker }: { perSecond: number; seconds: number; tracker: Tracker },
): Promise<Changes> {
  const changes: Changes = { made: [], lost: [], skipped: 0 }
  const out = new Map<Way, Member[]>(ways.map(way => [way, []]))
  const underWay = new Set<Promise<void>>()

  /** An instance is in one list at a time, and in none while something happens to it. */
  function start(kind: string, member: Member, serving: boolean, act: Way['goOut'], then: Member[]) {
    const change = (async () => {
      const acting = act(member.name).then(
        () => '',
        error => String(error),
      )
      const [arrival, problem] = await Promise.all([tracker.expect(member.port, serving), acting])
      if (arrival) changes.made.push({ kind, ...arrival })
      if (!arrival || problem) changes.lost.push(`${kind} ${member.name} ${problem}`.trim())
      then.push(member)
    })()
    const noted = change.finally(() => underWay.delete(noted))
    underWay.add(noted)
  }

  const bringBack = (way: Way, member: Member) => start(way.back, member, true, way.comeBack, way.members)

  function one() {
    const way = anyOf(ways)
    if (!way) return
    const gone = out.get(way) ?? []
    const returning = gone.length >= mostOut ? gone.shift() : undefined
    if (returning) return bringBack(way, returning)
    const leaving = way.members.shift()
    if (leaving) return start(way.out, leaving, false, way.goOut, gone)
    const any = gone.shift()
    if (any) bringBack(way, any)
    else changes.skipped++
  }

  /** @returns whether there was one. */
  function oneBack(): boolean {
    for (const [way, gone] of out) {
      const member = gone.shift()
      if (!member) continue
      bringBack(way, member)
      return true
    }
    return false
  }

  let count = 0
  const beganMs = nowMs()
  const due = () => ((nowMs() - beganMs) * perSecond) / 1000
  for (; count < perSecond * seconds; await delay(turnMs)) {
    for (; count < Math.min(due(), perSecond * seconds); count++) one()
  }
  for (let left = true; left || underWay.size > 0; await delay(turnMs)) {
    for (left = true; left && count < due(); count++) left = oneBack()
  }
  return changes
}

/** One at random, each as often as its share says. */
function anyOf(ways: Way[]): Way | undefined {
  let left = Math.random()
  for (const way of ways) {
    left -= way.share
    if (left < 0) return way
  }
  return ways.at(-1)
}
