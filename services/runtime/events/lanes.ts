/**
 * Events in hand, worked on by some lanes side by side. A lane takes what waits longest, of as many subjects as there are, but nothing of a
 * subject that another lane is at: so a subject's events keep their order. What comes a few at a time is worked on together, in one lane;
 * more lanes begin when much waits, or one for a while. An event that has to wait for its next attempt steps aside with those of its
 * subject, and the others go on.
 */

export interface Subjected {
  subject: string
}

/** Something to do to a subject, between its events. */
interface Task {
  subject: string
  run: () => Promise<void>
}

export interface Lanes<T extends Subjected> {
  add(items: T[]): void
  /** Runs when all that is in hand of the subject now is done. */
  run(subject: string, run: () => Promise<void>): void
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

/** Another lane begins when so many wait for each that works, as a share of what one takes; or when one has waited for so long. */
const crowded = 0.25
const patienceMs = 20

/**
 * @param count how many lanes there are at the most.
 * @param most how many items one takes at a time.
 * @param work is given some items, those of a subject in order; never rejects.
 */
export function createLanes<T extends Subjected>(
  count: number,
  most: number,
  work: (items: T[]) => Promise<void>,
): Lanes<T> {
  let queue: ({ item: T } | { task: Task })[] = []
  const working = new Set<Promise<void>>()
  /** How many lanes will look once more for something to do. */
  let active = 0
  /** What the lanes are at. */
  const busy = new Set<string>()
  const heldBack = new Map<string, { items: T[]; timer: NodeJS.Timeout; due: boolean }>()
  let impatience: NodeJS.Timeout | undefined
  let closed = false

  /** @returns what a lane does next: some items, or one task. */
  function take(): { items: T[] } | { task: Task } | undefined {
    const items: T[] = []
    const left: typeof queue = []
    /** Subjects of which something is left: what follows of them is, too. */
    const passed = new Set<string>()
    let task: Task | undefined
    let at = 0
    for (; at < queue.length && items.length < most && !task; at++) {
      const entry = queue[at]
      if (!entry) break
      const { subject } = 'item' in entry ? entry.item : entry.task
      const held = 'item' in entry && heldBack.get(subject)
      if (busy.has(subject) || passed.has(subject) || ('task' in entry && items.length > 0)) {
        passed.add(subject)
        left.push(entry)
      } else if ('task' in entry) task = entry.task
      else if (held) held.items.push(entry.item)
      else items.push(entry.item)
    }
    queue = left.length > 0 ? [...left, ...queue.slice(at)] : queue.slice(at)
    if (task) return { task }
    return items.length > 0 ? { items } : undefined
  }

  /** Before a lane has done with a subject, what was held back of it may not go on: what follows it may be in that lane's hands. */
  function release(subject: string): void {
    queue = [...(heldBack.get(subject)?.items ?? []).map(item => ({ item })), ...queue]
    heldBack.delete(subject)
  }

  async function drain(): Promise<void> {
    for (;;) {
      const next = closed ? undefined : take()
      if (!next) {
        // At the same moment as the look: what comes later begins a lane anew.
        active--
        return
      }
      const subjects = new Set('task' in next ? [next.task.subject] : next.items.map(({ subject }) => subject))
      for (const subject of subjects) busy.add(subject)
      if (queue.length > 0) start()
      if ('task' in next) await next.task.run().catch(() => {})
      else await work(next.items)
      for (const subject of subjects) {
        busy.delete(subject)
        if (heldBack.get(subject)?.due) release(subject)
      }
    }
  }

  function begin() {
    active++
    const lane = Promise.resolve()
      .then(drain)
      .finally(() => working.delete(lane))
    working.add(lane)
  }

  function start() {
    if (closed || queue.length === 0 || active >= count) return
    if (queue.length >= active * most * crowded) begin()
    else
      impatience ??= setTimeout(() => {
        impatience = undefined
        if (!closed && queue.length > 0 && active < count) begin()
      }, patienceMs)
  }

  return {
    add(items) {
      for (const item of items) queue.push({ item })
      start()
    },
    run(subject, run) {
      queue.push({ task: { subject, run } })
      start()
    },
    holdBack(item, ms) {
      const { subject } = item
      const held = heldBack.get(subject)
      if (held) {
        held.items.push(item)
        return
      }
      const timer = setTimeout(() => {
        const due = heldBack.get(subject)
        if (due && busy.has(subject)) due.due = true
        else release(subject)
        start()
      }, ms)
      heldBack.set(subject, { items: [item], timer, due: false })
    },
    isHeldBack: subject => heldBack.has(subject),
    ready: () => queue.length,
    clear() {
      queue = queue.filter(entry => 'task' in entry)
      for (const { timer } of heldBack.values()) clearTimeout(timer)
      heldBack.clear()
    },
    async close() {
      closed = true
      clearTimeout(impatience)
      for (const { timer } of heldBack.values()) clearTimeout(timer)
      await Promise.all(working)
    },
  }
}
