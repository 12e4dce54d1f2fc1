/** What of the topology is shown: it lives in the URL. */
export interface TopologySearch {
  /** A part of the name of a service. */
  service?: string
  failing?: true
  view?: 'map' | 'list'
  /** Nothing is folded, however much there is. */
  all?: true
}

export function topologySearch({ service, failing, view, all }: Record<string, unknown>): TopologySearch {
  const text = typeof service === 'string' || typeof service === 'number' ? String(service).slice(0, 64) : ''
  return {
    ...(text !== '' && { service: text }),
    ...(failing === true && { failing }),
    ...((view === 'map' || view === 'list') && { view }),
    ...(all === true && { all }),
  }
}
