/**
 * Events in hand, each in the lane that its subject belongs to: a lane does one thing at a time, so that a subject's events keep their order,
 * and lanes work side by side. An event that has to wait for its next attempt steps aside with those of its subject, and the lane goes on.
 */

export interface Subjected {
  subject: string
}

/** Something to do in a lane, between its events. */
type Task = () => Promise<void>

export interface Lanes<T extends Subjected> {
  add(items: T[]): void
  /** Runs when all that is in the subject's lane now is done. */
  run(subject: string, task: Task): void
  /** Lets an item, and what comes after it of its subject, wait. */
  holdBack(item: T, ms: number): void
  isHeldBack(subject: string): boolean
  /** How many can go on. */
  ready(): number
  /** Forgets all but what is being worked on. */
  clear(): void
  /** Resolves when nothing is being worked on. Nothing is begun any more. */
  close(): Promise<void>
}

interface Lane<T> {
  queue: (T | Task)[]
  working: Promise<void> | undefined
}

/** @param work is given some items of a lane, in order; never rejects. */
export function createLanes<T extends Subjected>(
  count: number,
  most: number,
  work: (items: T[]) => Promise<void>,
): Lanes<T> {
  const lanes: Lane<T>[] = Array.from({ length: count }, () => ({ queue: [], working: undefined }))
  const heldBack = new Map<string, { items: T[]; timer: NodeJS.Timeout }>()
  let closed = false

  function laneOf(subject: string): Lane<T> {
    let hash = 0
    for (let i = 0; i < subject.length; i++) hash = (Math.imul(hash, 31) + subject.charCodeAt(i)) | 0
    return lanes[Math.abs(hash) % count] as Lane<T>
  }

  function next({ queue }: Lane<T>): T[] {
    const items: T[] = []
    while (items.length < most) {
      const [first] = queue
      if (first === undefined || typeof first === 'function') break
      queue.shift()
      const held = heldBack.get(first.subject)
      if (held) held.items.push(first)
      else items.push(first)
    }
    return items
  }

  async function drain(lane: Lane<T>): Promise<void> {
    while (!closed && lane.queue.length > 0) {
      const [first] = lane.queue
      if (typeof first === 'function') {
        lane.queue.shift()
        await first().catch(() => {})
      } else {
        const items = next(lane)
        if (items.length > 0) await work(items)
      }
    }
    lane.working = undefined
  }

  function start(lane: Lane<T>) {
    if (!closed) lane.working ??= Promise.resolve().then(() => drain(lane))
  }

  return {
    add(items) {
      for (const item of items) {
        const lane = laneOf(item.subject)
        lane.queue.push(item)
        start(lane)
      }
    },
    run(subject, task) {
      const lane = laneOf(subject)
      lane.queue.push(task)
      start(lane)
    },
    holdBack(item, ms) {
      const { subject } = item
      const held = heldBack.get(subject)
      if (held) {
        held.items.push(item)
        return
      }
      const timer = setTimeout(() => {
        const lane = laneOf(subject)
        lane.queue.unshift(...(heldBack.get(subject)?.items ?? []))
        heldBack.delete(subject)
        start(lane)
      }, ms)
      heldBack.set(subject, { items: [item], timer })
    },
    isHeldBack: subject => heldBack.has(subject),
    ready: () => lanes.reduce((sum, { queue }) => sum + queue.length, 0),
    clear() {
      for (const lane of lanes) lane.queue = lane.queue.filter(each => typeof each === 'function')
      for (const { timer } of heldBack.values()) clearTimeout(timer)
      heldBack.clear()
    },
    async close() {
      closed = true
      for (const { timer } of heldBack.values()) clearTimeout(timer)
      await Promise.all(lanes.map(({ working }) => working))
    },
  }
}
