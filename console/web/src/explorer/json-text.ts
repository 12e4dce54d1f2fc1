/** JSON as it is typed: where each value stands in the text, and where the text stops being JSON. */
import type { JsonValue } from '@bufbuild/protobuf'

export interface Place {
  /** In UTF-16 units from the start of the text. */
  from: number
  to: number
}

export type ParsedText =
  | {
      value: JsonValue /** By the names on the way, such as `["user", "email"]` in JSON. */
      places: Map<string, Place>
    }
  | { fault: Place }

export const placeKey = (way: (string | number)[]) => JSON.stringify(way)

/** @returns the line of a position, from 1. */
export const lineOf = (text: string, position: number) => text.slice(0, position).split('\n').length

class Fault extends Error {
  at: number
  constructor(at: number) {
    super()
    this.at = at
  }
}

const space = /[ \t\n\r]*/y
const literal = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON does not allow them in a text
const stringToken = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y
/** Deeper than protobuf reads. */
const maxDepth = 120

/** Of two members with the same name the last counts, as with JSON.parse. */
export function parseJson(text: string): ParsedText {
  const places = new Map<string, Place>()
  let at = 0

  function take(pattern: RegExp): string | undefined {
    pattern.lastIndex = at
    const found = pattern.exec(text)?.[0]
    at += found?.length ?? 0
    return found
  }

  function expect(sign: string) {
    take(space)
    if (text[at] !== sign) throw new Fault(at)
    at++
  }

  function isNext(sign: string): boolean {
    take(space)
    return text[at] === sign
  }

  function members(close: string, member: () => void) {
    at++
    if (!isNext(close)) {
      member()
      while (isNext(',')) {
        at++
        member()
      }
    }
    expect(close)
  }

  function value(way: (string | number)[]): JsonValue {
    if (way.length > maxDepth) throw new Fault(at)
    take(space)
    const from = at
    const result = valueAt(way)
    places.set(placeKey(way), { from, to: at })
    return result
  }

  function valueAt(way: (string | number)[]): JsonValue {
    if (text[at] === '{') {
      const entries: [string, JsonValue][] = []
      members('}', () => {
        take(space)
        const name = take(stringToken)
        if (name === undefined) throw new Fault(at)
        expect(':')
        const key = JSON.parse(name) as string
        entries.push([key, value([...way, key])])
      })
      return Object.fromEntries(entries)
    }
    if (text[at] === '[') {
      const items: JsonValue[] = []
      members(']', () => items.push(value([...way, items.length])))
      return items
    }
    const token = text[at] === '"' ? take(stringToken) : take(literal)
    if (!token) throw new Fault(at)
    return JSON.parse(token)
  }

  try {
    const result = value([])
    take(space)
    if (at < text.length) throw new Fault(at)
    return { value: result, places }
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    return { fault: { from: error.at, to: Math.min(error.at + 1, text.length) } }
  }
}
