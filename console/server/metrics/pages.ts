/** Pages of metrics (Prometheus's text format), put together into one: of each metric all samples stand together, as the format wants. */

/** A page is not what it must be. */
export class PageError extends Error {}

interface Family {
  help: string
  type: string
  samples: string[]
}

const name = '[a-zA-Z_:][a-zA-Z0-9_:]*'
const head = new RegExp(`^# (HELP|TYPE) (${name}) (.+)$`)
const label = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\.)*"'
const sample = new RegExp(`^(${name})(?:\\{(?:${label}(?:,${label})*,?)?\\})? (?:[-+]?[0-9.eE+-]+|[-+]?Inf|NaN)$`)
/** What the samples of a histogram and of a summary add to its name. */
const parts = /_(bucket|sum|count)$/

/**
 * @returns the families of a page by name, in its order.
 * @throws PageError at the first line that is none of the format: one such line would cost Prometheus all others.
 */
export function familiesOf(page: string): Map<string, Family> {
  const families = new Map<string, Family>()
  const family = (name: string) => {
    const found = families.get(name) ?? { help: '', type: 'untyped', samples: [] }
    families.set(name, found)
    return found
  }
  for (const line of page.split('\n')) {
    if (line === '') continue
    const [, what, described = '', text = ''] = head.exec(line) ?? []
    if (what === 'HELP') family(described).help = text
    else if (what === 'TYPE') family(described).type = text
    else {
      const [, of] = sample.exec(line) ?? []
      if (of === undefined) throw new PageError(`this is no line of a page of metrics: ${line.slice(0, 100)}`)
      const base = of.replace(parts, '')
      family(!families.has(of) && families.has(base) ? base : of).samples.push(line)
    }
  }
  return families
}

/** Where pages do not agree of which type a metric is, as while another version is deployed, the first is believed. */
export function mergePages(pages: Iterable<ReadonlyMap<string, Family>>): string {
  const merged = new Map<string, Family>()
  for (const page of pages) {
    for (const [name, { help, type, samples }] of page) {
      const known = merged.get(name)
      if (!known) merged.set(name, { help, type, samples: [...samples] })
      else if (known.type === type) known.samples.push(...samples)
    }
  }
  const lines = [...merged]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, { help, type, samples }]) => [
      ...(help ? [`# HELP ${name} ${help}`] : []),
      `# TYPE ${name} ${type}`,
      ...samples,
    ])
  return `${lines.join('\n')}\n`
}
