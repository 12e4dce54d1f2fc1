import { expect, test } from 'vitest'
import { nackCause } from './nack.ts'

test.each([
  ["regex '/v1/.*' RE2 program size of 1207 > max program size of 100 set for the error level threshold.", 'regex'],
  ["transcoding_filter: Could not find 'site11.x.v1.X' in the proto descriptor", 'rest'],
  ["route: unknown cluster 'widgets'", 'cluster'],
  ['Proto constraint validation failed (ClusterValidationError.Name: value length must be at least 1)', 'constraint'],
  ["Didn't find a registered implementation for 'x' with type URL: 'y'", 'unknownField'],
  ['Protobuf message (type envoy.config.route.v3.Route) has unknown fields', 'unknownField'],
  ['Only unique values for domains are permitted. Duplicate entry of domain a in route edge', 'twice'],
  ["Error adding/updating listener(s) edge: cannot bind '0.0.0.0:8000': Address already in use", 'address'],
  ['Provider site11 in jwt_authn config has invalid local jwks: Jwks RSA', 'keys'],
  ['Failed to load certificate chain from <inline>', 'certificate'],
  ['something that no version has said before', 'other'],
] as const)('%s', (said, cause) => {
  expect(nackCause(said)).toBe(cause)
})
