/** Which change of the mesh brought a resource: so that a refusal of the resource can be told as one of the change. */
import { type Snapshot, type TypeUrl, typeUrls } from './snapshot.ts'

/** Ids of the journal, both included. */
export type ChangeRange = { first: number; last: number }

/** A content of a resource, and the changes it came with; without them it was there from the start. */
type Content = { hash: string; changes: ChangeRange | undefined }

/** The contents that each resource of the last snapshot has had, the last one last. */
export type Origins = { change: number | undefined; contents: Record<TypeUrl, ReadonlyMap<string, readonly Content[]>> }

const remembered = 32

const nothing = (): Record<TypeUrl, ReadonlyMap<string, readonly Content[]>> => {
  const entries = typeUrls.map(type => [type, new Map()])
  return Object.fromEntries(entries)
}

export const noOrigins: Origins = { change: undefined, contents: nothing() }

/** The origins after the snapshot that includes all changes up to this one. */
export function withSnapshot({ change: before, contents }: Origins, snapshot: Snapshot, change: number): Origins {
  const changes = before === undefined ? undefined : { first: Math.min(before + 1, change), last: change }
  const next = nothing()
  for (const type of typeUrls) {
    const known = contents[type]
    const all = [...snapshot[type].values()].map(({ name, hash }): [string, readonly Content[]] => {
      const earlier = known.get(name) ?? []
      return [name, earlier.at(-1)?.hash === hash ? earlier : [...earlier, { hash, changes }].slice(-remembered)]
    })
    next[type] = new Map(all)
  }
  return { change, contents: next }
}

/**
 * The changes that lie between what a proxy has accepted of a resource and what it has refused: one of them is the cause. Hashes;
 * `accepted` is undefined for a proxy that has never had the resource. Undefined when the changes are not known.
 */
export function changesOf(
  { contents }: Origins,
  type: TypeUrl,
  name: string,
  refused: string,
  accepted: string | undefined,
): ChangeRange | undefined {
  const all = contents[type].get(name) ?? []
  // A proxy may have a variant of the resource, with a hash of its own: then it is the last one.
  const last = all.findLast(({ hash }) => hash === refused) ?? all.at(-1)
  const upTo = last ? all.slice(0, all.indexOf(last) + 1) : []
  const had = upTo.findLastIndex(({ hash }) => hash === accepted)
  const between = (had < 0 ? upTo.slice(-1) : upTo.slice(had + 1)).flatMap(({ changes }) => changes ?? [])
  return between.length === 0 ? undefined : together(between)
}

/** The range from the first to the last of several; undefined for none. */
export function together(ranges: readonly ChangeRange[]): ChangeRange | undefined {
  if (ranges.length === 0) return undefined
  return {
    first: Math.min(...ranges.map(({ first }) => first)),
    last: Math.max(...ranges.map(({ last }) => last)),
  }
}

/** Those of the names that a text names, each as a word of its own. */
export function namedIn(text: string, names: readonly string[]): string[] {
  return names.filter(name => new RegExp(`(?<![\\w./-])${RegExp.escape(name)}(?![\\w/-]|\\.\\w)`).test(text))
}
