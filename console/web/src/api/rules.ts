/**
 * The rules that the contract states for text fields, for forms to check before they send. The server checks everything again;
 * rules that are not understood here are left to it.
 */
import { type DescField, type DescMessage, getOption } from '@bufbuild/protobuf'
import { field as fieldOption, Ignore } from '@site11/proto/es/buf/validate/validate_pb.ts'

export interface TextRules {
  required: boolean
  /** In characters (code points), as the contract counts. */
  minLength: number
  maxLength: number
  email: boolean
  pattern: RegExp | undefined
  /** The text is a time that is still to come. */
  future: boolean
}

export type Breach =
  | { rule: 'required' | 'email' | 'pattern' | 'future' }
  | { rule: 'minLength' | 'maxLength'; limit: number }

/** @param path of a field, such as `user.displayName`. @throws when the message has no such field. */
export function rulesOf(message: DescMessage, path: string): TextRules {
  const { field, parents } = fieldAt(message, path)
  const { type, ignore, required } = getOption(field, fieldOption)
  const text = type.case === 'string' ? type.value : undefined
  const optional = ignore === Ignore.IF_ZERO_VALUE
  const email = text?.wellKnown.case === 'email'
  const minLength = Number(text?.minLen ?? 0)
  return {
    // A rule over a whole message that makes one of its fields required is named `<path>.required`.
    required:
      required ||
      parents.some(parent => hasRule(parent, `${path}.required`)) ||
      (!optional && (email || minLength > 0)),
    minLength,
    maxLength: Number(text?.maxLen || Number.POSITIVE_INFINITY),
    email,
    pattern: text?.pattern ? new RegExp(text.pattern, 'u') : undefined,
    future: type.case === 'timestamp' && type.value.greaterThan.case === 'gtNow',
  }
}

/** @returns the first rule that a value breaks. */
export function breachOf(rules: TextRules, value: string): Breach | undefined {
  if (value === '') return rules.required ? { rule: 'required' } : undefined
  const length = [...value].length
  if (length < rules.minLength) return { rule: 'minLength', limit: rules.minLength }
  if (length > rules.maxLength) return { rule: 'maxLength', limit: rules.maxLength }
  if (rules.email && !/^[^\s@]+@[^\s@]+$/.test(value)) return { rule: 'email' }
  if (rules.future && !(Date.parse(value) > Date.now())) return { rule: 'future' }
  if (rules.pattern && !rules.pattern.test(value)) return { rule: 'pattern' }
  return undefined
}

const hasRule = (field: DescField, id: string) => getOption(field, fieldOption).cel.some(rule => rule.id === id)

function fieldAt(
  message: DescMessage,
  path: string,
  parents: DescField[] = [],
): { field: DescField; parents: DescField[] } {
  const [name = '', ...rest] = path.split('.')
  const field = message.field[name]
  if (!field) throw new Error(`${message.typeName} has no field ${name}.`)
  if (rest.length === 0) return { field, parents }
  if (!field.message) throw new Error(`${message.typeName}.${name} is no message.`)
  return fieldAt(field.message, rest.join('.'), [...parents, field])
}
