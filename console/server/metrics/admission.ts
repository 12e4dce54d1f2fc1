/** Who may read the metrics: whoever shows the metrics token, as Prometheus does, or an access token with the scope for the mesh. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { Caller } from '@site11/runtime/caller.ts'
import { permissionDenied, unauthenticated } from '@site11/runtime/errors.ts'

const scope = 'mesh:read'

/** @returns a function that resolves for who may, and throws a ServiceError for all others. Without a token there is only the scope. */
export function admitToMetrics(
  token: string | undefined,
  verify: (authorization: string | undefined) => Caller | Promise<Caller>,
): (authorization: string | undefined) => Promise<void> {
  const expected = token === undefined ? undefined : digest(`Bearer ${token}`)
  return async authorization => {
    if (authorization !== undefined && expected && timingSafeEqual(digest(authorization), expected)) return
    const caller = await verify(authorization)
    if (caller.kind !== 'user') {
      throw unauthenticated(
        'TOKEN_MISSING',
        `Metrics need the metrics token of this mesh, or an access token with the scope ${scope}, as "Authorization: Bearer <token>".`,
      )
    }
    if (!caller.scopes.has(scope))
      throw permissionDenied('SCOPE_MISSING', `This needs the scope ${scope}, which the access token lacks.`, { scope })
  }
}

const digest = (text: string) => createHash('sha256').update(text).digest()
