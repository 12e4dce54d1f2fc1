/** A message as the TypeScript that makes it: what protobuf-es calls its init shape. */
import { type DescEnum, type DescField, type DescMessage, type Message, ScalarType, toJson } from '@bufbuild/protobuf'
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect'
import { isWrapperDesc } from '@bufbuild/protobuf/wkt'
import { isSecret } from './secrets.ts'

export interface Literal {
  text: string
  /** What it names, and the contract's file that has it. */
  imports: { file: string; name: string }[]
  /** Variables that stand for secrets. */
  parameters: string[]
}

/** @returns the message as an expression that begins on an indented line. Secrets that are set are variables. */
export function messageLiteral(desc: DescMessage, message: Message): Literal {
  const imports: Literal['imports'] = []
  const parameters = new Set<string>()

  function ofMessage(inner: ReflectMessage, indent: string): string {
    const { desc } = inner
    if (desc.typeName === 'google.protobuf.Struct') return JSON.stringify(toJson(desc, inner.message))
    const parts = desc.members.flatMap(member => {
      if (member.kind === 'oneof') {
        const field = inner.oneofCase(member)
        const value = field && ofField(inner, field, `${indent}    `)
        return field ? [`${member.localName}: { case: '${field.localName}', value: ${value} }`] : []
      }
      if (!inner.isSet(member)) return []
      return [`${member.localName}: ${ofField(inner, member, `${indent}  `)}`]
    })
    return braced(parts, indent)
  }

  function ofField(inner: ReflectMessage, field: DescField, indent: string): string {
    if (isSecret(field)) {
      parameters.add(field.localName)
      return field.localName
    }
    switch (field.fieldKind) {
      case 'scalar':
        return ofScalar(inner.get(field), field.scalar)
      case 'enum':
        return ofEnum(inner.get(field), field.enum)
      case 'message':
        return ofSingle(inner.get(field), indent)
      case 'list': {
        const items = [...inner.get(field)].map(item => ofItem(item, field, indent))
        return bracketed(items, indent.slice(2))
      }
      case 'map': {
        const entries = [...inner.get(field)].map(
          ([key, value]) => `${JSON.stringify(String(key))}: ${ofItem(value, field, indent)}`,
        )
        return braced(entries, indent.slice(2))
      }
    }
  }

  const ofItem = (value: unknown, field: DescField & { fieldKind: 'list' | 'map' }, indent: string): string =>
    field.message
      ? ofMessage(value as ReflectMessage, indent)
      : field.enum
        ? ofEnum(value as number, field.enum)
        : ofScalar(value, field.scalar as ScalarType)

  /** A wrapper that stands alone is its value. */
  function ofSingle(inner: ReflectMessage, indent: string): string {
    const [value] = inner.desc.fields
    return isWrapperDesc(inner.desc) && value?.fieldKind === 'scalar'
      ? ofScalar(inner.get(value), value.scalar)
      : ofMessage(inner, indent)
  }

  function ofEnum(value: number, desc: DescEnum): string {
    const known = desc.values.find(({ number }) => number === value)
    // Those of protobuf itself are in no file of the contracts.
    if (!known || desc.file.proto.package === 'google.protobuf') return String(value)
    const name = exportedName(desc)
    imports.push({ file: desc.file.name, name })
    return `${name}.${known.localName}`
  }

  return { text: ofMessage(reflect(desc, message), '  '), imports, parameters: [...parameters] }
}

function ofScalar(value: unknown, type: ScalarType): string {
  if (typeof value === 'bigint') return `${value}n`
  if (value instanceof Uint8Array) return `new Uint8Array([${value.join(', ')}])`
  if (typeof value === 'string') return type === ScalarType.STRING ? quoted(value) : `${value}n`
  return String(value)
}

const quoted = (text: string) => `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`

const braced = (parts: string[], indent: string) => enclosed('{', '}', ' ', parts, indent)
const bracketed = (parts: string[], indent: string) => enclosed('[', ']', '', parts, indent)

/** On one line while it is short. */
function enclosed(open: string, close: string, pad: string, parts: string[], indent: string): string {
  if (parts.length === 0) return open + close
  const line = parts.join(', ')
  if (line.length + indent.length <= 80 && !line.includes('\n')) return `${open}${pad}${line}${pad}${close}`
  return `${open}\n${parts.map(part => `${indent}  ${part},\n`).join('')}${indent}${close}`
}

/** Nested enums are exported under the names of all that they stand in. */
function exportedName({ typeName, file }: DescEnum): string {
  const inPackage = file.proto.package ? typeName.slice(file.proto.package.length + 1) : typeName
  return inPackage.replaceAll('.', '_')
}
