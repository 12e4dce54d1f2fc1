/** The comments of a contract, which are its documentation. */
import type { DescEnum, DescEnumValue, DescField, DescMessage, DescMethod, DescService } from '@bufbuild/protobuf'
import type { FileDescriptorProto } from '@bufbuild/protobuf/wkt'

type Commented = DescEnum | DescEnumValue | DescField | DescMessage | DescMethod | DescService

const commentsOfFiles = new WeakMap<FileDescriptorProto, Map<string, string>>()

/** @returns the comment that stands before something in the contract, on one line; empty when the contract came without. */
export function commentOf(desc: Commented): string {
  const file = desc.kind === 'enum_value' ? desc.parent.file : desc.kind === 'rpc' ? desc.parent.file : fileOf(desc)
  let comments = commentsOfFiles.get(file.proto)
  if (!comments) {
    const locations = file.proto.sourceCodeInfo?.location ?? []
    comments = new Map(locations.map(({ path, leadingComments = '' }) => [path.join('.'), leadingComments]))
    commentsOfFiles.set(file.proto, comments)
  }
  return (comments.get(pathOf(desc).join('.')) ?? '').trim().replace(/\s*\n\s*/g, ' ')
}

function fileOf(desc: DescEnum | DescField | DescMessage | DescService) {
  return desc.kind === 'field' ? desc.parent.file : desc.file
}

/** Where it stands, as in SourceCodeInfo.Location.path: the field numbers of descriptor.proto with indexes. */
function pathOf(desc: Commented): number[] {
  switch (desc.kind) {
    case 'message':
      return desc.parent
        ? [...pathOf(desc.parent), 3, desc.parent.proto.nestedType.indexOf(desc.proto)]
        : [4, desc.file.proto.messageType.indexOf(desc.proto)]
    case 'enum':
      return desc.parent
        ? [...pathOf(desc.parent), 4, desc.parent.proto.enumType.indexOf(desc.proto)]
        : [5, desc.file.proto.enumType.indexOf(desc.proto)]
    case 'service':
      return [6, desc.file.proto.service.indexOf(desc.proto)]
    case 'field':
      return [...pathOf(desc.parent), 2, desc.parent.proto.field.indexOf(desc.proto)]
    case 'enum_value':
      return [...pathOf(desc.parent), 2, desc.parent.proto.value.indexOf(desc.proto)]
    case 'rpc':
      return [...pathOf(desc.parent), 2, desc.parent.proto.method.indexOf(desc.proto)]
  }
}
