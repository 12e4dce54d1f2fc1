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
const most = { y: 480, height: 24 }

const overlap = (a: Place, b: Place): boolean =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height

/**
 * @param first stays where it is, and the others make room for it.
 * @returns the same places, in the same order, each as far up as it can stand.
 */
export function settled(places: readonly Place[], first?: string): Place[] {
  const done = places.filter(({ id }) => id === first)
  const order = places.filter(({ id }) => id !== first).sort((a, b) => a.y - b.y || a.x - b.x)
  for (const place of order) {
    let y = 0
    while (done.some(other => overlap({ ...place, y }, other))) y++
    done.push({ ...place, y })
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
    y: Math.min(Math.max(place.y + y, 0), most.y),
  }
}

/** @returns a place for one more, below all. */
export function below(places: readonly Place[], id: string, size: { width: number; height: number }): Place {
  return { id, x: 0, y: Math.max(0, ...places.map(({ y, height }) => y + height)), ...size }
}
