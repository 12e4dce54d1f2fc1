/** What can be done from the palette: what is always there (built-in.ts), and what the page in view adds. */
import { useEffect, useRef } from 'react'

export const groups = ['recent', 'page', 'pages', 'services', 'instances', 'users', 'methods', 'actions'] as const
export type GroupName = (typeof groups)[number]

export interface Command {
  /** Unique, and the same from visit to visit: what was done lately is remembered by it. */
  id: string
  /** A verb and its object, or the name of where it leads. */
  title: string
  group: Exclude<GroupName, 'recent'>
  /** What else it is found by. */
  words?: string
  /** Said beside the title, such as the state of an instance. */
  hint?: string
  /** The keys that do the same. */
  keys?: string
  run: () => unknown
}

const added = new Set<() => readonly Command[]>()

/** Adds commands to the palette for as long as the component is there; each is in the group `page`. */
export function useCommands(commands: readonly Omit<Command, 'group'>[]): void {
  const latest = useRef(commands)
  latest.current = commands
  useEffect(() => {
    const source = () => latest.current.map((command): Command => ({ ...command, group: 'page' }))
    added.add(source)
    return () => void added.delete(source)
  }, [])
}

/** @returns what the components in view have added. */
export const addedCommands = (): Command[] => [...added].flatMap(source => source())

const storageKey = 'site11-recent-commands'
const mostRecent = 6

/** @returns the ids of what was done lately, the last first. */
export function recentIds(storage: Pick<Storage, 'getItem'> = localStorage): string[] {
  try {
    const stored: unknown = JSON.parse(storage.getItem(storageKey) ?? '[]')
    return Array.isArray(stored) ? stored.filter(id => typeof id === 'string').slice(0, mostRecent) : []
  } catch {
    return []
  }
}

export function noteUse(id: string, storage: Pick<Storage, 'getItem' | 'setItem'> = localStorage): void {
  const ids = [id, ...recentIds(storage).filter(each => each !== id)]
  storage.setItem(storageKey, JSON.stringify(ids.slice(0, mostRecent)))
}
