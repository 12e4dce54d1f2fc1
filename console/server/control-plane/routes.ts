/**
 * Which request goes where, and under what policy.
 *
 * A request is matched twice when it is REST: first by its own path, which only decides which filters it passes (the
 * transcoder among them), then, after the transcoder has turned it into gRPC, by the path of the method. So every policy is
 * stated once, on the method's path, and holds for REST, gRPC and gRPC-Web alike.
 *
 *   GET /api/v1/users/42 ─► `rest` ─► transcoder ─► /site11.users.v1.UsersService/GetUser ─► its route ─► users
 */

import { defaultRequestBytes } from '@site11/runtime/limits.ts'
import { dashboardCluster } from './clusters.ts'
import type { Contracts, EdgeMethod } from './contract.ts'
import { type Json, seconds } from './encode.ts'
import { filterNames } from './filters.ts'
import { type HttpTemplate, templateRegex, templatesOverlap } from './http-template.ts'
import { routeMetadata, versionMetadata } from './local-replies.ts'
import { repeatableFilter, repeatableMetadata } from './repeatable.ts'
import {
  bodyLimit,
  bodyLimitPolicy,
  corsPolicy,
  limits,
  neverSent,
  rateLimitPolicy,
  repeatablePolicy,
  retries,
  retryAfter,
  scopePolicy,
} from './route-policies.ts'
import { edgeName, type MeshState } from './state.ts'
import { destination, type Versions, versionHeader } from './versions.ts'

export function routesFrom(
  { corsOrigins }: Pick<MeshState, 'corsOrigins'>,
  contracts: Contracts,
  versions: readonly Versions[],
): Json {
  const byService = new Map(versions.map(each => [each.service, each]))
  const versionsOf = ({ service }: EdgeMethod) => byService.get(service) ?? { service, api: [], weighted: false }
  return {
    '@type': 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
    name: edgeName,
    virtual_hosts: [
      {
        name: edgeName,
        domains: ['*'],
        typed_per_filter_config: { [filterNames.cors]: corsPolicy(corsOrigins) },
        routes: [
          preflightRoute,
          ...wrongVerbRoutes(contracts.methods),
          ...restRoutes(contracts.methods),
          notGrpcRoute,
          ...versions.filter(({ api }) => api.length > 0).map(noSuchVersionRoute),
          ...contracts.methods.map(method => methodRoute(method, versionsOf(method))),
          ...contracts.methods.flatMap(method => versionRoutes(method, versionsOf(method))),
          unknownMethodRoute,
          ...dashboardRoutes,
        ],
      },
    ],
  }
}

/** A filter that is made for each request, or not, by the first match. */
const filterOff: Json = { '@type': 'type.googleapis.com/envoy.config.route.v3.FilterConfig', disabled: true }
const filterOn: Json = { '@type': 'type.googleapis.com/envoy.config.route.v3.FilterConfig', config: {} }
/** A filter that is there but lets this route pass: the only way for a route that is matched second. */
const noToken: Json = {
  '@type': 'type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig',
  disabled: true,
}
const noScope: Json = { '@type': 'type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBACPerRoute' }

const openToAll: Json = { [filterNames.jwt]: noToken, [filterNames.rbac]: noScope }

/**
 * Where what no method answers to ends: a cluster that does not exist, and so 404. The CORS filter does nothing for routes that
 * answer by themselves, so those a browser may meet must not.
 */
const nowhere: Json = { cluster: 'no-such-method', cluster_not_found_response_code: 'NOT_FOUND' }

/** Answered by the CORS filter, when it is a preflight. */
const preflightRoute: Json = {
  name: 'preflight',
  match: { prefix: '/', headers: [{ name: ':method', string_match: { exact: 'OPTIONS' } }] },
  route: nowhere,
  typed_per_filter_config: openToAll,
}

/**
 * The first match of what is transcoded. What cannot be, has no method: the transcoder refuses it, or it gets nowhere.
 * Methods that take more or less than the default, or a stream, have routes of their own before the one for all.
 */
function restRoutes(methods: EdgeMethod[]): Json[] {
  const special = Map.groupBy(
    methods.filter(method => method.bindings.length > 0 && bodyLimit(method) !== defaultRequestBytes),
    bodyLimit,
  )
  const routes = [...special.keys()]
    .sort((a, b) => a - b)
    .map(limit => {
      const templates = (special.get(limit) ?? []).flatMap(method => method.bindings.map(binding => binding.template))
      return restRoute({ safe_regex: { regex: anyOf(templates) } }, limit, limit !== Number.POSITIVE_INFINITY)
    })
  // POST, PUT and PATCH.
  const hasBody = [{ name: ':method', string_match: { prefix: 'P' } }]
  return [
    ...routes,
    restRoute({ prefix: '/api/', headers: hasBody }, defaultRequestBytes, true),
    restRoute({ prefix: '/api/' }, defaultRequestBytes, false),
  ]
}

function restRoute(match: Json, limit: number, checkFields: boolean): Json {
  return {
    name: 'rest',
    match,
    route: nowhere,
    typed_per_filter_config: {
      ...openToAll,
      ...bodyLimitPolicy(limit),
      [filterNames.grpcWeb]: filterOff,
      [filterNames.restHeaders]: filterOn,
      [filterNames.compressor]: filterOn,
      ...(checkFields && { [filterNames.unknownFields]: filterOn }),
      [filterNames.transcoder]: filterOn,
    },
  }
}

/** Services are sent gRPC and nothing else. */
const notGrpcRoute: Json = {
  name: 'not-grpc',
  match: {
    safe_regex: { regex: '/[a-z][a-z0-9_.]*\\.[A-Z][A-Za-z0-9]*/.*' },
    headers: [
      {
        name: 'content-type',
        string_match: { prefix: 'application/grpc' },
        invert_match: true,
        treat_missing_header_as_empty: true,
      },
    ],
  },
  direct_response: { status: 415 },
  typed_per_filter_config: openToAll,
}

const unknownMethodRoute: Json = {
  name: 'unknown-method',
  match: { prefix: '/', headers: [{ name: 'content-type', string_match: { prefix: 'application/grpc' } }] },
  route: nowhere,
  typed_per_filter_config: openToAll,
}

const plainHttp: Json = {
  [filterNames.jwt]: filterOff,
  [filterNames.rbac]: filterOff,
  [filterNames.grpcWeb]: filterOff,
  [filterNames.rateLimit]: filterOff,
}

/** What is neither REST nor gRPC is the dashboard's: its pages, health, keys, documentation. */
const dashboardRoutes: Json[] = [
  ...['GET', 'HEAD'].map(verb => ({
    name: 'dashboard',
    match: { prefix: '/', headers: [{ name: ':method', string_match: { exact: verb } }] },
    route: { cluster: dashboardCluster, timeout: '0s', idle_timeout: seconds(60_000), retry_policy: neverSent },
    typed_per_filter_config: { ...plainHttp, [filterNames.compressor]: filterOn },
  })),
  wrongVerbRoute('dashboard-wrong-verb', { prefix: '/' }, ['GET', 'HEAD']),
]

/**
 * 405 for a path that a method is bound to, but under another verb. One route for all paths with the same verbs; a
 * request is compared with those that lack its verb only.
 */
function wrongVerbRoutes(methods: EdgeMethod[]): Json[] {
  const bindings = methods.flatMap(method => method.bindings)
  const templates = bindings.map(binding => binding.template)
  const byVerbs = Map.groupBy(templates, template => {
    const meeting = bindings.filter(other => templatesOverlap(template, other.template))
    return [...new Set(meeting.map(other => other.verb))].sort().join(', ')
  })
  return [...byVerbs.keys()].sort().map(verbs => {
    const regex = anyOf(byVerbs.get(verbs) ?? [])
    return wrongVerbRoute('rest-wrong-verb', { safe_regex: { regex } }, verbs.split(', '))
  })
}

function anyOf(templates: HttpTemplate[]): string {
  return [...new Set(templates.map(templateRegex))].sort().join('|')
}

function wrongVerbRoute(name: string, path: Json, verbs: string[]): Json {
  const others = verbs.map(verb => ({ name: ':method', string_match: { exact: verb }, invert_match: true }))
  return {
    name,
    match: { ...path, headers: others },
    direct_response: { status: 405, body: { inline_string: verbs.join(', ') } },
    response_headers_to_add: [{ header: { key: 'allow', value: verbs.join(', ') } }],
    typed_per_filter_config: plainHttp,
  }
}

/** What no instance serves is refused for all methods of a service at once. */
function noSuchVersionRoute({ service, api }: Versions): Json {
  const others = api.map(version => ({
    name: versionHeader,
    string_match: { exact: version },
    invert_match: true,
  }))
  return {
    name: 'no-such-version',
    match: { prefix: `/site11.${service}.`, headers: [{ name: versionHeader, present_match: true }, ...others] },
    route: { cluster: 'no-such-version', cluster_not_found_response_code: 'INTERNAL_SERVER_ERROR' },
    metadata: versionMetadata(service, api),
    typed_per_filter_config: openToAll,
  }
}

/** Of a method whose service has several API versions: one route for each, behind all that are for who asks for none. */
function versionRoutes(method: EdgeMethod, versions: Versions): Json[] {
  if (versions.api.length < 2) return []
  return versions.api.map(api => ({
    ...methodRoute(method, versions, api),
    match: { path: method.path, headers: [{ name: versionHeader, string_match: { exact: api } }] },
  }))
}

/** A message of gRPC comes behind so much. */
const framePrefixBytes = 5

/** @param api the API version that is asked for; where all instances serve the same, it makes no difference. */
function methodRoute(method: EdgeMethod, versions: Versions, api?: string): Json {
  const { access, rateLimit, retry, timeoutMs } = method
  const filters: Json = bodyLimitPolicy(bodyLimit(method) + framePrefixBytes)
  // A token is asked for unless a route says otherwise, and nobody has a scope unless a route says which (see filters.ts).
  if (access.kind === 'public') filters[filterNames.jwt] = noToken
  filters[filterNames.rbac] = access.kind === 'scope' ? scopePolicy(access.scope) : noScope
  if (rateLimit) filters[filterNames.rateLimit] = rateLimitPolicy(method.path, rateLimit)
  const repeatable = retry !== undefined && retry.requestIdField > 0
  if (repeatable) filters[repeatableFilter] = repeatablePolicy
  const unversioned = { name: versionHeader, present_match: true, invert_match: true }
  return {
    name: method.path.slice(1),
    match: { path: method.path, ...(versions.api.length > 1 && { headers: [unversioned] }) },
    route: { ...destination(versions, api), ...limits(method), ...retries(method) },
    metadata: {
      filter_metadata: {
        ...routeMetadata(
          access.kind === 'scope' ? access.scope : undefined,
          rateLimit && retryAfter(rateLimit),
          timeoutMs === 0,
        ),
        ...(repeatable && { [repeatableFilter]: repeatableMetadata(retry.requestIdField, timeoutMs) }),
      },
    },
    typed_per_filter_config: filters,
  }
}
