/** The way of a link between two parts: around the parts that stand between them. Pure. */
import { type Place, type Places, partHeight, partWidth } from './layout.ts'
import type { Link, Part } from './model.ts'

/** So far from other parts a link passes, px. */
const distance = 16

interface Box extends Place {
  height: number
}

/** @returns the points that a link goes through, from the right of one part to the left of the other; undefined when it goes back. */
export function wayOf(
  { from, to }: Pick<Link, 'from' | 'to'>,
  places: Places,
  parts: readonly Part[],
): Place[] | undefined {
  const boxes = new Map<string, Box>()
  for (const { id, kind } of parts) {
    const place = places.get(id)
    if (place) boxes.set(id, { ...place, height: partHeight[kind] })
  }
  const first = boxes.get(from)
  const last = boxes.get(to)
  if (!first || !last) return undefined
  const start = { x: first.x + partWidth, y: first.y + first.height / 2 }
  const end = { x: last.x, y: last.y + last.height / 2 }
  if (start.x >= end.x) return undefined
  const between = [...boxes.values()].filter(({ x }) => x >= start.x && x + partWidth <= end.x)
  const columns = [...Map.groupBy(between, ({ x }) => x)].sort(([a], [b]) => a - b)
  const points = [start]
  for (const [x, column] of columns) {
    const before = points.at(-1) ?? start
    // Where it would pass if nothing stood there: level at first, as a link leaves a part.
    const share = (x + partWidth / 2 - before.x) / (end.x - before.x)
    const y = nearestGap(before.y + (end.y - before.y) * share, column)
    points.push({ x, y }, { x: x + partWidth, y })
  }
  return [...points, end]
}

/** @returns the height nearest to `y` where nothing of the column stands. */
function nearestGap(y: number, column: readonly Box[]): number {
  const isFree = (at: number) => column.every(box => at <= box.y - distance || at >= box.y + box.height + distance)
  const edges = column.flatMap(box => [box.y - distance, box.y + box.height + distance])
  return [y, ...edges].filter(isFree).sort((a, b) => Math.abs(a - y) - Math.abs(b - y))[0] ?? y
}

/** @returns an SVG path through the points, level at each, and where its middle is. */
export function pathThrough(points: readonly Place[]): { path: string; middle: Place } {
  const [start = { x: 0, y: 0 }, ...rest] = points
  let before = start
  const parts = rest.map(point => {
    const bend = (point.x - before.x) / 2
    const part = `C${before.x + bend},${before.y} ${point.x - bend},${point.y} ${point.x},${point.y}`
    before = point
    return part
  })
  const [a, b] = [points[Math.ceil(points.length / 2) - 1] ?? start, points[Math.floor(points.length / 2)] ?? start]
  return { path: `M${start.x},${start.y}${parts.join('')}`, middle: { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 } }
}
