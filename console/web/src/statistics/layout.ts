/** Where the panels of a dashboard stand, in a grid of 12 columns: pure. None covers another, and none leaves room above itself. */
export interface Place {
  id: string
  x: number
  y: number
  width: number
  height: number
}

export const columns = 12
const least = { width: 2, height: 2 }
const most = { y: 500, height: 24 }

const overlap = (a: Place, b: Place): boolean =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height

/**
 * @param first goes before the others where they want the same place.
 * @returns the same places, in the same order, each as far up as it can stand.
 */
export function settled(places: readonly Place[], first?: string): Place[] {
  const order = [...places].sort((a, b) => a.y - b.y || Number(b.id === first) - Number(a.id === first) || a.x - b.x)
  const done: Place[] = []
  for (const place of order) {
    let y = place.id === first ? place.y : 0
    const above = place.id === first ? done.filter(other => other.y < place.y) : done
    while (above.some(other => overlap({ ...place, y }, other))) y++
    // What was moved stays where it was put down, unless there is nothing to stand on.
    if (place.id === first) while (y > 0 && !above.some(other => overlap({ ...place, y: y - 1 }, other))) y--
    done.push({ ...place, y: Math.min(y, most.y) })
  }
  return places.map(({ id }) => done.find(each => each.id === id)).filter(each => each !== undefined)
}

/** @returns all places after one was moved or resized by so many columns and rows. */
export function changed(
  places: readonly Place[],
  id: string,
  by: Partial<Record<'x' | 'y' | 'width' | 'height', number>>,
): Place[] {
  return settled(
    places.map(place => (place.id === id ? within(place, by) : place)),
    id,
  )
}

function within(
  place: Place,
  { x = 0, y = 0, width = 0, height = 0 }: Partial<Record<'x' | 'y' | 'width' | 'height', number>>,
): Place {
  const wide = Math.min(Math.max(place.width + width, least.width), width === 0 ? columns : columns - place.x)
  return {
    id: place.id,
    width: wide,
    height: Math.min(Math.max(place.height + height, least.height), most.height),
    x: Math.min(Math.max(place.x + x, 0), columns - wide),
    y: Math.max(place.y + y, 0),
  }
}

/** @returns a place for one more, below all. */
export function below(places: readonly Place[], id: string, size: { width: number; height: number }): Place {
  return { id, x: 0, y: Math.max(0, ...places.map(({ y, height }) => y + height)), ...size }
}
