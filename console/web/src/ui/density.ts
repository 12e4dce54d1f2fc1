/** How close rows stand: a choice of the user's, kept by the browser. */
import { useSyncExternalStore } from 'react'

export const densities = ['comfortable', 'dense'] as const
export type Density = (typeof densities)[number]

/** Read by public/first-paint.js too. */
const storageKey = 'site11-density'
const listeners = new Set<() => void>()

const current = (): Density => (document.documentElement.dataset.density === 'dense' ? 'dense' : 'comfortable')

export function setDensity(density: Density): void {
  localStorage.setItem(storageKey, density)
  document.documentElement.dataset.density = density
  for (const listener of listeners) listener()
}

export const useDensity = (): Density =>
  useSyncExternalStore(listener => {
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }, current)
