/** How close rows stand: a choice of the user's, kept by the browser. */
import { useSyncExternalStore } from 'react'

export const densities = ['comfortable', 'dense'] as const
export type Density = (typeof densities)[number]

/** Read by public/first-paint.js too. */
const storageKey = 'site11-density'
const listeners = new Set<() => void>()

const current = (): Density => (document.documentElement.dataset.density === 'dense' ? 'dense' : 'comfortable')

function setDensity(density: Density): void {
  localStorage.setItem(storageKey, density)
  document.documentElement.dataset.density = density
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void) {
  listeners.add(listener)
  return () => void listeners.delete(listener)
}

/** One choice for all lists. CSS finds it as `data-density` of the document. */
export const useDensity = (): [Density, (density: Density) => void] => [
  useSyncExternalStore(subscribe, current),
  setDensity,
]
