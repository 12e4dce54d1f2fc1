/** From the path of a field, as services write it, to its place in the request's JSON: pure. */
import type { JsonValue } from '@bufbuild/protobuf'

/** @returns the way to the field, or to the last thing on it that is there. */
export function wayOf(json: JsonValue, path: string): (string | number)[] {
  const way: (string | number)[] = []
  let place: JsonValue | undefined = json
  for (const [, name, key] of path.matchAll(/([^.[\]]+)|\[(\d+|"(?:[^"\\]|\\.)*"|\w+)\]/g)) {
    const step = key === undefined ? name : key.startsWith('"') ? (JSON.parse(key) as string) : key
    if (step === undefined || typeof place !== 'object' || place === null) break
    const next: string | number | undefined = Array.isArray(place)
      ? Number(step)
      : [step, camelCase(step)].find(each => Object.hasOwn(place as object, each))
    if (next === undefined) break
    place = (place as Record<string | number, JsonValue>)[next]
    if (place === undefined) break
    way.push(next)
  }
  return way
}

const camelCase = (name: string) => name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
