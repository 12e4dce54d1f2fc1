/** Where each part stands, from left to right. What stands somewhere stays there when others come and go. Pure. */
import { Graph, layout } from '@dagrejs/dagre'
import type { Link, Part } from './model.ts'

export interface Place {
  x: number
  y: number
}
export type Places = ReadonlyMap<string, Place>

export const partWidth = 184
/** Of a part of each kind; all of a kind are equally high, so that nothing moves when its figures change. */
export const partHeight = { clients: 60, edge: 104, service: 112, store: 80, group: 80 } as const
const columnGap = 64
const rowGap = 36

/** @returns where parts stand when nothing stood anywhere before. Parts of a kind that ends calls are in the last column. */
export function freshPlaces(parts: readonly Part[], links: readonly Link[]): Places {
  const graph = new Graph({ multigraph: false })
  graph.setGraph({ rankdir: 'LR', nodesep: rowGap, ranksep: columnGap })
  graph.setDefaultEdgeLabel(() => ({}))
  for (const { id, kind } of parts) graph.setNode(id, { width: partWidth, height: partHeight[kind] })
  const known = new Set(parts.map(({ id }) => id))
  for (const { from, to } of links) if (known.has(from) && known.has(to)) graph.setEdge(from, to, {})
  layout(graph)
  const placed = parts.map(part => {
    const { x, y } = graph.node(part.id) as Place
    return { part, x: Math.round(x - partWidth / 2), y: Math.round(y - partHeight[part.kind] / 2) }
  })
  const lastColumn = Math.max(...placed.map(({ x }) => x))
  const places = new Map(placed.map(({ part, x, y }) => [part.id, { x: part.kind === 'store' ? lastColumn : x, y }]))
  return spread(parts, places, new Set())
}

/**
 * @param before where parts stood; those that are still there stay.
 * @returns where all stand: new ones where there is room nearest to where they belong.
 */
export function placesWith(before: Places, parts: readonly Part[], links: readonly Link[]): Places {
  const fresh = freshPlaces(parts, links)
  const staying = new Set(parts.filter(({ id }) => before.has(id)).map(({ id }) => id))
  if (staying.size === 0) return fresh
  // A column is where most of its kind already stand: those who come stand with them.
  const columnOf = (part: Part, place: Place) =>
    part.kind === 'store'
      ? (parts.flatMap(each => (each.kind === 'store' ? (before.get(each.id)?.x ?? []) : []))[0] ?? place.x)
      : place.x
  const places = new Map(
    parts.map(part => {
      const place = fresh.get(part.id) ?? { x: 0, y: 0 }
      return [part.id, before.get(part.id) ?? { x: columnOf(part, place), y: place.y }]
    }),
  )
  return spread(parts, places, staying)
}

/** Moves those that may move down until nothing overlaps. */
function spread(parts: readonly Part[], places: Map<string, Place>, fixed: ReadonlySet<string>): Places {
  const boxes = parts.map(({ id, kind }) => ({ id, ...(places.get(id) as Place), height: partHeight[kind] }))
  const settled = boxes.filter(({ id }) => fixed.has(id))
  for (const box of boxes.filter(({ id }) => !fixed.has(id)).sort((a, b) => a.y - b.y)) {
    for (;;) {
      const other = settled.find(
        each =>
          Math.abs(each.x - box.x) < partWidth + rowGap &&
          box.y < each.y + each.height + rowGap &&
          each.y < box.y + box.height + rowGap,
      )
      if (!other) break
      box.y = other.y + other.height + rowGap
    }
    settled.push(box)
  }
  return new Map(settled.map(({ id, x, y }) => [id, { x, y }]))
}
