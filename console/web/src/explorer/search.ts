/** What the address of the explorer holds: the method, how it is looked at, and the request, so that all of it can be shared. */
import type { JsonObject } from '@bufbuild/protobuf'

export const tabs = ['call', 'reference', 'history'] as const
export const views = ['form', 'json', 'rest'] as const
export type Tab = (typeof tabs)[number]
export type View = (typeof views)[number]

/** What is absent is the default: no method, the call, the form, an empty request. */
export interface ExplorerSearch {
  /** `package.Service/Method` */
  method?: string
  tab?: Exclude<Tab, 'call'>
  view?: Exclude<View, 'form'>
  request?: JsonObject
  /** Words that the list of methods is narrowed to. */
  find?: string
}

/** The longest request that is put into the address, in characters: browsers and proxies take no endless ones. */
export const maxRequestLength = 6_000

/** @returns what of an address's search is understood; the rest is dropped. */
export function explorerSearch({ method, tab, view, request, find }: Record<string, unknown>): ExplorerSearch {
  const knownTab = tabs.find(name => name === tab)
  const knownView = views.find(name => name === view)
  const words = typeof find === 'string' || typeof find === 'number' ? String(find).slice(0, 100) : ''
  return {
    ...(typeof method === 'string' && method.length < 300 && { method }),
    ...(knownTab && knownTab !== 'call' && { tab: knownTab }),
    ...(knownView && knownView !== 'form' && { view: knownView }),
    ...(typeof request === 'object' &&
      request !== null &&
      !Array.isArray(request) && { request: request as JsonObject }),
    ...(words && { find: words }),
  }
}
