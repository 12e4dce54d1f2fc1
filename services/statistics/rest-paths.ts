/** Which method a REST path belongs to, from the contracts: for requests that the edge refuses before it makes gRPC of them. */
import { type DescMethod, getOption, hasOption } from '@bufbuild/protobuf'
import { http } from '@site11/proto/es/google/api/annotations_pb.ts'
import { registry } from '@site11/runtime/contract.ts'

/** @returns the path of the method without its first slash, or undefined. */
export type MethodOf = (verb: string, path: string) => string | undefined

export function createMethodOf(): MethodOf {
  const bindings = [...registry]
    .filter(each => each.kind === 'service')
    .flatMap(({ methods }) => methods)
    .flatMap(bindingsOf)
  return (verb, path) => bindings.find(each => each.verb === verb && each.path.test(path))?.method
}

function bindingsOf(method: DescMethod) {
  if (!hasOption(method, http)) return []
  const rule = getOption(method, http)
  return [rule, ...rule.additionalBindings].flatMap(({ pattern }) => {
    if (typeof pattern.value !== 'string') return []
    const path = new RegExp(
      `^${pattern.value
        .split(/(\{[^}]*\})/)
        .map(partOf)
        .join('')}$`,
    )
    return [{ verb: (pattern.case ?? '').toUpperCase(), path, method: `${method.parent.typeName}/${method.name}` }]
  })
}

/** A variable is one segment, up to a verb such as `:watch`, or several where it says so. */
function partOf(part: string): string {
  if (!part.startsWith('{')) return part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return part.includes('**') ? '.+' : '[^/:]+'
}
