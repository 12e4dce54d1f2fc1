/** What the edge routes, read from the contracts that proxies are given: each route with where it comes from. */
import { type DescMethod, getOption, hasOption, toBinary } from '@bufbuild/protobuf'
import { http } from '@site11/proto/es/google/api/annotations_pb.ts'
import type { HttpRule } from '@site11/proto/es/google/api/http_pb.ts'
import { MethodPolicySchema, method as policyOption } from '@site11/proto/es/site11/policy/v1/policy_pb.ts'
import type {
  ListRoutesResponse,
  Route,
  RouteBinding,
} from '@site11/proto/grpc/site11/console/v1/diagnostics_service.ts'
import { MethodPolicy } from '@site11/proto/grpc/site11/policy/v1/policy.ts'
import type { KnownService } from '../registry/registry.ts'
import { hashOf } from '../trial.ts'
import { type InForce, readingOnce } from './in-force.ts'
import { compare } from './words.ts'

type Known = Pick<KnownService, 'contractHash' | 'refused'>

/** @param services what the registry knows of them; the Console is not among them. */
export function listRoutes(inForce: readonly InForce[], services: ReadonlyMap<string, Known>): ListRoutesResponse {
  const given = new Map(inForce.map(({ name, contract }) => [name, hashOf(contract)]))
  const contracts = [...new Set([...given.keys(), ...services.keys()])].sort(compare).map(service => {
    const known = services.get(service)
    const contractHash = given.get(service) ?? ''
    return {
      service,
      contractHash,
      newestHash: known?.contractHash ?? contractHash,
      refusedHash: known?.refused?.contractHash ?? '',
      refusedReason: known?.refused?.reason ?? '',
    }
  })
  return { routes: inForce.flatMap(routesOf).sort((a, b) => compare(a.path, b.path)), contracts }
}

const routesOf = readingOnce((service, { methods }) => methods.flatMap(method => routeOf(service, method)))

function routeOf(service: string, method: DescMethod): Route[] {
  const policy = getOption(method, policyOption)
  const { access } = policy
  if (access.case === undefined || access.case === 'internal') return []
  const { methodKind } = method
  return [
    {
      service,
      path: `/${method.parent.typeName}/${method.name}`,
      bindings: hasOption(method, http) ? bindingsOf(getOption(method, http)) : [],
      policy: MethodPolicy.decode(toBinary(MethodPolicySchema, policy)),
      clientStreaming: methodKind === 'client_streaming' || methodKind === 'bidi_streaming',
      serverStreaming: methodKind === 'server_streaming' || methodKind === 'bidi_streaming',
      file: `${method.parent.file.name}.proto`,
    },
  ]
}

function bindingsOf({ pattern, additionalBindings }: HttpRule): RouteBinding[] {
  const own =
    typeof pattern.value === 'string' ? [{ verb: (pattern.case ?? '').toUpperCase(), path: pattern.value }] : []
  return [...own, ...additionalBindings.flatMap(bindingsOf)]
}
