/**
 * Makes a MongoDB filter of an AIP-160 filter. Only the fields of a table can be named, each with the comparisons and values of its
 * type; whatever the caller writes ends up as a value, or escaped in an anchored pattern, and never as an operator.
 *
 * Texts and names are compared as they are written: capital letters differ from small ones. `=` and `!=` on a text take a `*` at
 * one end. `field:*` holds where a field has a value; `roles:admin` where a list has this one. A field that a document lacks equals
 * nothing, so that of the comparisons with it only `!=` holds.
 */
import type { Document } from 'mongodb'
import { type Comparator, type Comparison, type Expression, invalidFilter, parseFilter, type Value } from './parse.ts'
import { endingWith, startingWith } from './pattern.ts'

export type FilterField =
  /** `normalize` is done to what the caller wrote, for texts that are stored normalised. */
  | { type: 'string'; path: string; normalize?: (text: string) => string }
  | { type: 'string[]' | 'number' | 'bool' | 'timestamp'; path: string }
  /** The names that may be written, and what is stored for each. */
  | { type: 'enum'; path: string; values: Record<string, string | number> }
  /** The names that may be written, and the MongoDB filter that each stands for. */
  | { type: 'enum'; conditions: Record<string, Document> }

/** The fields that may be filtered by, under the names of the contract. */
export type FieldTable = Record<string, FilterField>

const OPERATORS = { '=': '$eq', '!=': '$ne', '<': '$lt', '<=': '$lte', '>': '$gt', '>=': '$gte' } as const
const EQUALITY: Comparator[] = ['=', '!=']
const ORDERED: Comparator[] = [...EQUALITY, '<', '<=', '>', '>=']

const COMPARATORS: Record<FilterField['type'], Comparator[]> = {
  string: ORDERED,
  number: ORDERED,
  timestamp: ORDERED,
  bool: EQUALITY,
  enum: EQUALITY,
  'string[]': [],
}

const NUMBER = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i
const RFC_3339 = /^(\d{4}-\d\d-\d\d)T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/i

/**
 * @returns the MongoDB filter; `{}` for an empty one.
 * @throws ServiceError INVALID_ARGUMENT with INVALID_FILTER, naming the place and what is allowed there.
 */
export function compileFilter(filter: string, fields: FieldTable): Document {
  const tree = parseFilter(filter)
  return tree ? compile(tree, fields) : {}
}

function compile(tree: Expression, fields: FieldTable): Document {
  switch (tree.kind) {
    case 'and':
      return { $and: tree.parts.map(part => compile(part, fields)) }
    case 'or':
      return { $or: tree.parts.map(part => compile(part, fields)) }
    case 'not':
      return { $nor: [compile(tree.part, fields)] }
    case 'comparison':
      return compileComparison(tree, fields)
  }
}

function compileComparison(comparison: Comparison, fields: FieldTable): Document {
  const { field: name, comparator, value, fieldAt, valueAt } = comparison
  const field = Object.hasOwn(fields, name) ? fields[name] : undefined
  if (!field) throw invalidFilter(fieldAt, `${name} is not one of the fields ${Object.keys(fields).join(', ')}`)

  if (comparator === ':') return has(field, comparison)
  const allowed = COMPARATORS[field.type]
  if (!allowed.includes(comparator)) {
    const takes = allowed.length > 0 ? `only ${allowed.join(' ')} and ${name}:*` : `only ${name}:value and ${name}:*`
    throw invalidFilter(fieldAt, `${name} takes ${takes}`)
  }
  if (field.type === 'enum') {
    const condition = enumCondition(field, name, value, valueAt)
    return comparator === '=' ? condition : { $nor: [condition] }
  }
  if (hasWildcard(value)) {
    if (field.type !== 'string' || !EQUALITY.includes(comparator))
      throw invalidFilter(valueAt, 'a * is for = and != on texts')
    const pattern = patternOf(value, field.normalize, valueAt)
    return { [field.path]: comparator === '=' ? pattern : { $not: pattern } }
  }
  return { [field.path]: { [OPERATORS[comparator]]: stored(field, name, value.text, valueAt) } }
}

/** `field:*`, and `list:value`. */
function has(field: FilterField, { field: name, value, valueAt }: Comparison): Document {
  const any = value.text === '' && hasWildcard(value)
  if ('conditions' in field) throw invalidFilter(valueAt, `${name} is compared by = or !=`)
  const { path, type } = field
  if (type === 'string[]') {
    if (any) return { [`${path}.0`]: { $exists: true } }
    if (hasWildcard(value)) throw invalidFilter(valueAt, `${name}: takes a whole value, or a * alone`)
    return { [path]: { $eq: value.text } }
  }
  if (!any) throw invalidFilter(valueAt, `${name}: takes a * only; compare it by ${COMPARATORS[type].join(' ')}`)
  return { [path]: type === 'string' ? { $nin: [null, ''] } : { $ne: null } }
}

function enumCondition(field: FilterField & { type: 'enum' }, name: string, value: Value, at: number): Document {
  const names = 'values' in field ? field.values : field.conditions
  if (hasWildcard(value) || !Object.hasOwn(names, value.text)) {
    throw invalidFilter(at, `${name} is one of ${Object.keys(names).join(', ')}`)
  }
  return 'values' in field ? { [field.path]: { $eq: field.values[value.text] } } : (field.conditions[value.text] ?? {})
}

function stored(
  field: Exclude<FilterField, { type: 'enum' }>,
  name: string,
  text: string,
  at: number,
): string | number | boolean | Date {
  switch (field.type) {
    case 'number': {
      const number = Number(text)
      if (!NUMBER.test(text) || !Number.isFinite(number))
        throw invalidFilter(at, `${name} is a number, such as 42 or -1.5`)
      return number
    }
    case 'bool':
      if (text !== 'true' && text !== 'false') throw invalidFilter(at, `${name} is true or false`)
      return text === 'true'
    case 'timestamp': {
      const time = timestamp(text)
      if (!time) throw invalidFilter(at, `${name} is a time, such as "2026-01-31T09:30:00Z"`)
      return time
    }
    default:
      return field.type === 'string' && field.normalize ? field.normalize(text) : text
  }
}

/** To the millisecond, which is what the database keeps. */
function timestamp(text: string): Date | undefined {
  const date = RFC_3339.exec(text)?.[1]
  // A day that its month does not have would become one of the next.
  if (!date || !new Date(`${date}T00:00:00Z`).toJSON()?.startsWith(date)) return undefined
  const time = new Date(text.toUpperCase())
  return Number.isNaN(time.getTime()) ? undefined : time
}

const hasWildcard = ({ wildcard }: Value) => wildcard.before || wildcard.after

/** `foo*` begins with foo, `*foo` ends with it. Not `*foo*`: no index could help, and every document would be searched through. */
function patternOf({ text, wildcard }: Value, normalize: ((text: string) => string) | undefined, at: number): Document {
  if (wildcard.before && wildcard.after)
    throw invalidFilter(at, 'a * may be at one end of a text; a field that has any value is field:*')
  const wanted = normalize?.(text) ?? text
  return wildcard.after ? startingWith(wanted) : endingWith(wanted)
}
