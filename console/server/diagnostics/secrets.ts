/** What the mesh trusts by, as messages: names and times, nothing secret. */
import {
  type HeldCertificate,
  type ListSecretsResponse,
  type Secret,
  SecretRole,
} from '@site11/proto/grpc/site11/console/v1/diagnostics_service.ts'
import { SecretKind } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import type { Authorities } from '../ca/authorities.ts'
import type { EdgeCertificate } from '../edge-certificate.ts'
import type { SigningKeys } from '../keys/keys.ts'
import type { KeyPlan } from '../keys/ring.ts'
import { compare } from './words.ts'

const roles = {
  next: SecretRole.SECRET_ROLE_NEXT,
  signing: SecretRole.SECRET_ROLE_SIGNING,
  believed: SecretRole.SECRET_ROLE_BELIEVED,
}

/** @param edge of the certificate that the edge shows; undefined when it speaks plain HTTP. */
export function secretsOf({
  keys,
  authorities,
  edge,
}: {
  keys: Pick<SigningKeys, 'plan'>
  authorities: Pick<Authorities, 'plan' | 'issued'>
  edge: ReturnType<EdgeCertificate['facts']> | undefined
}): ListSecretsResponse {
  const held = [...authorities.issued()]
    .map(([holder, { authority, createTime, expireTime }]): HeldCertificate => {
      const renewTime = new Date((createTime.getTime() + expireTime.getTime()) / 2)
      return { holder, authority, createTime, expireTime, renewTime }
    })
    .sort((a, b) => compare(a.holder, b.holder))
  return {
    secrets: [
      ...keys.plan().map(plan => secretOf(SecretKind.SECRET_KIND_SIGNING_KEY, plan)),
      ...authorities.plan().map(plan => secretOf(SecretKind.SECRET_KIND_AUTHORITY, plan, plan.expireTime)),
    ],
    certificates: [...(edge ? [{ holder: 'edge', ...edge, renewTime: undefined }] : []), ...held],
  }
}

function secretOf(kind: SecretKind, plan: KeyPlan, expireTime?: Date): Secret {
  const { kid: name, role, createTime, signTime, rotateTime, retireTime } = plan
  return { kind, name, role: roles[role], createTime, signTime, rotateTime, retireTime, expireTime }
}
