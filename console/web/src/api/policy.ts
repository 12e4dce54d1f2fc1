/** What the contract says of a method's access, so that pages offer what the caller may do. The server decides all the same. */
import { type DescMethod, getOption } from '@bufbuild/protobuf'
import { method as policyOption } from '@site11/proto/es/site11/policy/v1/policy_pb.ts'
import type { Session } from './session.ts'

/** @returns whether the method is called without a token. */
export const isPublic = (method: DescMethod) => getOption(method, policyOption).access.case === 'public'

/** @returns the scope that a method asks for; undefined when a token is enough. */
export function scopeOf(method: DescMethod): string | undefined {
  const { access } = getOption(method, policyOption)
  return access.case === 'scope' ? access.value : undefined
}

/** @returns whether the session's token admits to the method. */
export function mayCall(session: Session | undefined, method: DescMethod): boolean {
  const scope = scopeOf(method)
  return session !== undefined && (scope === undefined || session.scopes.includes(scope))
}
