/**
 * Prints a file descriptor as Protobuf source. Serves one purpose: buf wants `buf/validate/validate.proto` as source, and the
 * package that ships it, @bufbuild/protovalidate, ships the descriptor. Options are left out: the library reads its own.
 */
import {
  type DescriptorProto,
  type EnumDescriptorProto,
  type FieldDescriptorProto,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  type FileDescriptorProto,
} from '@bufbuild/protobuf/wkt'

const scalar = new Map<number, string>(
  Object.entries(FieldDescriptorProto_Type).flatMap(([name, value]) =>
    typeof value === 'number' ? [[value, name.toLowerCase()] as [number, string]] : [],
  ),
)

/** @returns the file as proto2 source; messages, enums, oneofs, maps as their entry messages, extensions and extension ranges. */
export function printProto(file: FileDescriptorProto): string {
  return [
    'syntax = "proto2";',
    `package ${file.package};`,
    ...file.dependency.map(name => `import "${name}";`),
    ...file.messageType.map(printMessage),
    ...file.enumType.map(printEnum),
    ...file.extension.map(field => `extend ${field.extendee} { ${printField(field)} }`),
    '',
  ].join('\n')
}

function printMessage(message: DescriptorProto): string {
  const inOneof = (index: number) =>
    message.field.filter(field => isSet(field, 'oneofIndex') && field.oneofIndex === index && !field.proto3Optional)
  return [
    `message ${message.name} {`,
    ...message.field
      .filter(field => !isSet(field, 'oneofIndex') || field.proto3Optional)
      .map(field => printField(field)),
    ...message.oneofDecl.map(
      (oneof, i) =>
        `oneof ${oneof.name} { ${inOneof(i)
          .map(field => printField(field, true))
          .join(' ')} }`,
    ),
    ...message.nestedType.map(printMessage),
    ...message.enumType.map(printEnum),
    ...message.extensionRange.map(({ start, end }) => `extensions ${start} to ${end > 536870911 ? 'max' : end - 1};`),
    '}',
  ].join('\n')
}

function printEnum(definition: EnumDescriptorProto): string {
  return `enum ${definition.name} { ${definition.value.map(({ name, number }) => `${name} = ${number};`).join(' ')} }`
}

function printField(field: FieldDescriptorProto, inOneof = false): string {
  const label = inOneof ? '' : `${FieldDescriptorProto_Label[field.label].toLowerCase()} `
  const type = field.typeName || scalar.get(field.type)
  const value = isSet(field, 'defaultValue') ? ` [default = ${field.defaultValue}]` : ''
  return `${label}${type} ${field.name} = ${field.number}${value};`
}

/** Proto2 presence: protobuf-es keeps the value on the message itself when it is set, else on its prototype. */
function isSet(field: FieldDescriptorProto, key: 'oneofIndex' | 'defaultValue'): boolean {
  return Object.hasOwn(field, key)
}
