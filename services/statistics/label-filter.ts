/** AIP-160 filters over the labels of a metric: `service = "users" AND status != "OK"`, with a `*` at either end of a value. */
import { type Comparison, type Expression, invalidFilter, parseFilter } from '@site11/runtime/filter/parse.ts'

/** @param labelOf the value of a label; empty when a series does not have it. */
export type LabelFilter = (labelOf: (label: string) => string) => boolean

/** @throws ServiceError INVALID_FILTER, naming the place and the labels that there are. */
export function labelFilter(filter: string, labels: readonly string[]): LabelFilter {
  const tree = parseFilter(filter)
  return tree ? compile(tree, labels) : () => true
}

function compile(tree: Expression, labels: readonly string[]): LabelFilter {
  switch (tree.kind) {
    case 'and': {
      const parts = tree.parts.map(part => compile(part, labels))
      return labelOf => parts.every(part => part(labelOf))
    }
    case 'or': {
      const parts = tree.parts.map(part => compile(part, labels))
      return labelOf => parts.some(part => part(labelOf))
    }
    case 'not': {
      const part = compile(tree.part, labels)
      return labelOf => !part(labelOf)
    }
    case 'comparison':
      return comparison(tree, labels)
  }
}

function comparison({ field, comparator, value, fieldAt }: Comparison, labels: readonly string[]): LabelFilter {
  if (!labels.includes(field)) throw invalidFilter(fieldAt, `${field} is not one of the labels ${labels.join(', ')}`)
  const { text, wildcard } = value
  const { before, after } = wildcard
  const matches = (found: string) => {
    if (before && after) return found.includes(text)
    return before ? found.endsWith(text) : after ? found.startsWith(text) : found === text
  }
  if (comparator === '=') return labelOf => matches(labelOf(field))
  if (comparator === '!=') return labelOf => !matches(labelOf(field))
  if (comparator === ':' && text === '' && before) return labelOf => labelOf(field) !== ''
  throw invalidFilter(fieldAt, `${field} takes only = != and ${field}:*`)
}
