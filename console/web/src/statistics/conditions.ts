/**
 * A filter over labels as AIP-160 text and as the conditions that people make of it. What is no such condition is kept as it was written,
 * so that both are views of one filter. Pure.
 */
import { conditionsOf } from '../users/filter.ts'

export interface Condition {
  label: string
  /** Whether the value is, or is not, this one. */
  not: boolean
  /** With a `*` at either end it is a part of it. */
  value: string
}

export interface Conditions {
  known: Condition[]
  /** Conditions that are more than one label and one value. */
  rest: string[]
}

const simple = /^([a-z][a-z0-9_.]*)\s*(!?=)\s*(?:"((?:[^"\\]|\\.)*)"|([\w.*/-]+))$/

export function conditionsIn(filter: string): Conditions {
  const found: Conditions = { known: [], rest: [] }
  for (const text of conditionsOf(filter)) {
    const [, label, operator, quoted, bare] = simple.exec(text) ?? []
    const value = quoted === undefined ? bare : quoted.replace(/\\(.)/g, '$1')
    if (label !== undefined && value !== undefined) found.known.push({ label, not: operator === '!=', value })
    else found.rest.push(text)
  }
  return found
}

export const filterWith = ({ known, rest }: Conditions): string => [...known.map(conditionText), ...rest].join(' AND ')

export const conditionText = ({ label, not, value }: Condition): string =>
  `${label} ${not ? '!=' : '='} "${value.replace(/[\\"]/g, '\\$&')}"`
