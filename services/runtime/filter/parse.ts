/**
 * Parses filters as AIP-160 has them, without functions:
 *
 *     expression = sequence {"AND" sequence}
 *     sequence   = factor {factor}                      side by side: all must hold
 *     factor     = term {"OR" term}                     OR binds tighter than AND
 *     term       = ["NOT" | "-"] simple
 *     simple     = "(" expression ")" | field comparator value
 *     comparator = "=" | "!=" | "<" | "<=" | ">" | ">=" | ":"
 *     value      = word | timestamp | "text" | 'text'   in quotes, a backslash takes the next character as it is
 *
 * A field name and a value are only text here; `compileFilter` decides what they mean.
 */
import { invalidArgument } from '../errors.ts'

export type Comparator = '=' | '!=' | '<' | '<=' | '>' | '>=' | ':'

export interface Value {
  /** Without the wildcards. */
  text: string
  /** Whether a `*` stood before or after the text. */
  wildcard: { before: boolean; after: boolean }
}

export interface Comparison {
  kind: 'comparison'
  field: string
  comparator: Comparator
  value: Value
  /** Where the field and the value begin in the filter, from 0. */
  fieldAt: number
  valueAt: number
}

export type Expression = { kind: 'and' | 'or'; parts: Expression[] } | { kind: 'not'; part: Expression } | Comparison

const MAX_LENGTH = 2000
const MAX_DEPTH = 20
const MAX_COMPARISONS = 100

const SPACE = /\s*/y
const WORD = /[^\s()=!<>:,"'\\]+/y
const COMPARATOR = /!=|<=|>=|[=<>:]/y
const TIMESTAMP = /\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)?/iy
const QUOTED = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/sy
const KEYWORDS = new Set(['AND', 'OR', 'NOT'])

/**
 * @returns the tree of a filter; undefined for one that is empty.
 * @throws ServiceError INVALID_ARGUMENT with INVALID_FILTER, naming the place.
 */
export function parseFilter(filter: string): Expression | undefined {
  let at = 0
  let depth = 0
  let comparisons = 0
  if (filter.length > MAX_LENGTH) throw invalidFilter(MAX_LENGTH, `the filter is longer than ${MAX_LENGTH} characters`)
  const nul = filter.indexOf('\0')
  if (nul !== -1) throw invalidFilter(nul, 'the character U+0000 cannot be used')

  /** Takes what the pattern matches here, after spaces. */
  function take(pattern: RegExp): string | undefined {
    SPACE.lastIndex = at
    SPACE.exec(filter)
    at = pattern.lastIndex = SPACE.lastIndex
    const text = pattern.exec(filter)?.[0]
    if (text !== undefined) at = pattern.lastIndex
    return text
  }

  /** @returns the next character after spaces; empty at the end. */
  function next(): string {
    take(SPACE)
    return filter.charAt(at)
  }

  function keyword(wanted: string): boolean {
    const start = at
    if (take(WORD) === wanted) return true
    at = start
    return false
  }

  function expression(): Expression {
    const parts: Expression[] = []
    do {
      do parts.push(factor())
      while (!atEndOfSequence())
    } while (keyword('AND'))
    return joined('and', parts)
  }

  function atEndOfSequence(): boolean {
    const start = at
    const end = next() === '' || next() === ')' || keyword('AND')
    at = start
    return end
  }

  function factor(): Expression {
    const parts = [term()]
    while (keyword('OR')) parts.push(term())
    return joined('or', parts)
  }

  function term(): Expression {
    if (next() === '-') {
      at++
      return { kind: 'not', part: simple() }
    }
    return keyword('NOT') ? { kind: 'not', part: simple() } : simple()
  }

  function simple(): Expression {
    if (next() !== '(') return comparison()
    if (++depth > MAX_DEPTH) throw invalidFilter(at, `parentheses are nested deeper than ${MAX_DEPTH}`)
    at++
    const inner = expression()
    if (next() !== ')') throw invalidFilter(at, 'a closing parenthesis is missing')
    at++
    depth--
    return inner
  }

  function comparison(): Comparison {
    next()
    const fieldAt = at
    if (++comparisons > MAX_COMPARISONS) throw invalidFilter(at, `there are more than ${MAX_COMPARISONS} comparisons`)
    const field = take(WORD)
    if (field === undefined || KEYWORDS.has(field)) throw invalidFilter(fieldAt, 'the name of a field is expected')
    next()
    const comparator = take(COMPARATOR) as Comparator | undefined
    if (!comparator) throw invalidFilter(at, `a comparison is expected after ${field}: = != < <= > >= or :`)
    next()
    const valueAt = at
    return { kind: 'comparison', field, comparator, value: value(), fieldAt, valueAt }
  }

  function value(): Value {
    const start = at
    const quoted = take(QUOTED)
    const text = quoted?.slice(1, -1) ?? take(TIMESTAMP) ?? take(WORD)
    if (text === undefined || (quoted === undefined && KEYWORDS.has(text))) {
      throw invalidFilter(start, 'a value is expected: a word, or text in quotes')
    }
    return readValue(text, quoted !== undefined, start)
  }

  if (next() === '') return undefined
  const tree = expression()
  if (next() !== '') throw invalidFilter(at, `${next()} is not expected`)
  return tree
}

function readValue(source: string, quoted: boolean, at: number): Value {
  const wildcard = { before: false, after: false }
  let text = ''
  for (let i = 0; i < source.length; i++) {
    if (quoted && source[i] === '\\') text += source[++i]
    else if (source[i] !== '*') text += source[i]
    else if (i === 0) wildcard.before = true
    else if (i === source.length - 1) wildcard.after = true
    else
      throw invalidFilter(
        at,
        'a * may be the first or the last character of a value; in quotes, \\* is the character itself',
      )
  }
  // A lone star is both.
  if (source === '*') wildcard.after = true
  return { text, wildcard }
}

const joined = (kind: 'and' | 'or', parts: Expression[]): Expression => {
  const [first] = parts
  return first && parts.length === 1 ? first : { kind, parts }
}

/** @returns the error for a filter that has something wrong at this place, counted from 0. */
export function invalidFilter(at: number, problem: string) {
  const message = `The filter is not valid at character ${at + 1}: ${problem}.`
  return invalidArgument('INVALID_FILTER', message, [{ field: 'filter', description: message }])
}
