/** Random filters for tests: trees, and the ways in which each may be written. */
import fc from 'fast-check'
import type { Comparator, Comparison, Expression } from './parse.ts'

export interface Written {
  tree: Expression
  text: string
}

const bare = /^[^\s()=!<>:,"'\\*]+$/

/** A comparison written with or without spaces, its value quoted in either way, or bare where that can be. */
export function comparison(
  field: string,
  comparator: Comparator,
  text: string,
  wildcard: 'before' | 'after' | 'none' | 'any' = 'none',
) {
  const before = wildcard === 'before' || wildcard === 'any'
  const after = wildcard === 'after' || wildcard === 'any'
  const tree: Comparison = {
    kind: 'comparison',
    field,
    comparator,
    value: { text, wildcard: { before, after } },
    fieldAt: 0,
    valueAt: 0,
  }
  const stars = (inner: string) => (wildcard === 'any' ? '*' : `${before ? '*' : ''}${inner}${after ? '*' : ''}`)
  const quoted = (quote: string) => quote + stars(text.replace(/[\\"'*]/g, '\\$&')) + quote
  const plain = bare.test(text) && !['AND', 'OR', 'NOT'].includes(stars(text)) ? [stars(text)] : []
  return fc
    .tuple(fc.constantFrom(quoted('"'), quoted("'"), ...plain), fc.constantFrom('', ' '))
    .map(([value, space]): Written => ({ tree, text: `${field}${space}${comparator}${space}${value}` }))
}

/** Trees of the comparisons, with AND, OR, NOT and parentheses, written in one of the ways that mean the same. */
export function filters(comparisons: fc.Arbitrary<Written>, maxDepth = 3): fc.Arbitrary<Written> {
  const { filter } = fc.letrec<{ filter: Written }>(tie => ({
    filter: fc.oneof(
      { maxDepth },
      comparisons,
      fc.tuple(tie('filter'), fc.constantFrom('NOT ', '-')).map(([part, not]) => ({
        tree: { kind: 'not', part: part.tree },
        text: not + simple(part),
      })),
      fc
        .array(fc.tuple(tie('filter'), fc.constantFrom(' AND ', ' ', '\n AND\t'), fc.boolean()), {
          minLength: 2,
          maxLength: 4,
        })
        .map(parts => ({
          tree: { kind: 'and', parts: parts.map(([{ tree }]) => tree) },
          text: parts
            .map(([part, and, loose], n) => (n > 0 ? and : '') + (loose ? factor(part) : simple(part)))
            .join(''),
        })),
      fc.array(tie('filter'), { minLength: 2, maxLength: 4 }).map(parts => ({
        tree: { kind: 'or', parts: parts.map(({ tree }) => tree) },
        text: parts.map(term).join(' OR '),
      })),
    ) as fc.Arbitrary<Written>,
  }))
  return filter
}

const simple = ({ tree, text }: Written) => (tree.kind === 'comparison' ? text : `(${text})`)
const term = (written: Written) => (written.tree.kind === 'not' ? written.text : simple(written))
const factor = (written: Written) => (written.tree.kind === 'or' ? written.text : term(written))
