/**
 * The HTTP filters of the edge, in the order a request passes them (a response passes them backwards):
 *
 *   header_mutation  takes away what only Envoy may say        every request
 *   cors             answers preflights                        every request
 *   grpc_web         gRPC-Web to gRPC                          all but REST
 *   rest_headers     takes gRPC's headers from the response    REST
 *   compressor       gzip                                      REST, dashboard
 *   buffer           the largest body                          REST, methods that take no stream
 *   unknown_fields   refuses fields a method does not have     REST, requests with a body
 *   transcoder       REST to gRPC                              REST
 *   jwt_authn        signature, issuer, audience, expiry       methods; behind the transcoder, or REST would go around it
 *   rbac             the method's scope                        methods
 *   local_ratelimit  the method's rate limit                   methods; who may not call takes nothing from who may
 *   repeatable       whether a write carries a request_id      methods that may be sent again then
 *   router
 */
import { answerBytes, defaultRequestBytes } from '@site11/runtime/limits.ts'
import type { Contracts } from './contract.ts'
import type { Json } from './encode.ts'
import { unknownFieldsFilter } from './json-fields.ts'
import { authFailureKey } from './local-replies.ts'
import { repeatableFilter, repeatableSource } from './repeatable.ts'
import type { MeshState } from './state.ts'

export const filterNames = {
  requestHeaders: 'envoy.filters.http.header_mutation',
  cors: 'envoy.filters.http.cors',
  grpcWeb: 'envoy.filters.http.grpc_web',
  restHeaders: 'site11.rest_headers',
  buffer: 'envoy.filters.http.buffer',
  compressor: 'envoy.filters.http.compressor',
  unknownFields: 'envoy.filters.http.lua',
  transcoder: 'envoy.filters.http.grpc_json_transcoder',
  jwt: 'envoy.filters.http.jwt_authn',
  rbac: 'envoy.filters.http.rbac',
  rateLimit: 'envoy.filters.http.local_ratelimit',
  router: 'envoy.filters.http.router',
}

/** Headers that a service or a proxy might believe, were they not taken from what comes in. */
const untrustedHeaders = [
  ...[
    'x-user',
    'x-user-id',
    'x-user-name',
    'x-user-email',
    'x-user-role',
    'x-user-roles',
    'x-user-scope',
    'x-user-scopes',
  ],
  ...[
    'x-site11-scope',
    'x-site11-user',
    'x-site11-service',
    'x-site11-caller',
    'x-site11-join-token',
    'x-site11-operator-token',
  ],
  ...['forwarded', 'x-forwarded-host', 'x-real-ip', 'x-original-url', 'x-rewrite-url', 'x-http-method-override'],
  ...['x-envoy-original-path', 'x-envoy-original-method'],
]

const typed = (name: string, fields: Json = {}): Json => ({
  '@type': `type.googleapis.com/envoy.extensions.filters.http.${name}`,
  ...fields,
})

/** The filters that follow keys and contracts are got by ECDS: a new key or method then leaves the listener as it is. */
export function httpFilters(): Json[] {
  const remove = (names: string[]) => names.map(name => ({ remove: name }))
  return [
    {
      name: filterNames.requestHeaders,
      typed_config: typed('header_mutation.v3.HeaderMutation', {
        mutations: {
          request_mutations: remove(untrustedHeaders),
          response_mutations: [
            {
              append: {
                header: { key: 'x-content-type-options', value: 'nosniff' },
                append_action: 'OVERWRITE_IF_EXISTS_OR_ADD',
              },
            },
          ],
        },
      }),
    },
    { name: filterNames.cors, typed_config: typed('cors.v3.Cors') },
    { name: filterNames.grpcWeb, typed_config: typed('grpc_web.v3.GrpcWeb') },
    {
      name: filterNames.restHeaders,
      disabled: true,
      typed_config: typed('header_mutation.v3.HeaderMutation', {
        mutations: {
          response_mutations: remove([
            ...['grpc-status', 'grpc-message', 'grpc-status-details-bin', 'grpc-encoding', 'grpc-accept-encoding'],
          ]),
        },
      }),
    },
    { name: filterNames.compressor, disabled: true, typed_config: compressor },
    {
      name: filterNames.buffer,
      disabled: true,
      typed_config: typed('buffer.v3.Buffer', { max_request_bytes: defaultRequestBytes }),
    },
    { name: filterNames.unknownFields, disabled: true, config_discovery: discovered('lua.v3.Lua') },
    {
      name: filterNames.transcoder,
      disabled: true,
      config_discovery: discovered('grpc_json_transcoder.v3.GrpcJsonTranscoder'),
    },
    { name: filterNames.jwt, config_discovery: discovered('jwt_authn.v3.JwtAuthentication') },
    // Rules that are present and empty deny: a route must name its scope or say that it needs none.
    { name: filterNames.rbac, typed_config: typed('rbac.v3.RBAC', { rules: {} }) },
    {
      name: filterNames.rateLimit,
      typed_config: typed('local_ratelimit.v3.LocalRateLimit', { stat_prefix: 'edge' }),
    },
    {
      name: repeatableFilter,
      typed_config: typed('lua.v3.Lua', {
        source_codes: { [repeatableFilter]: { inline_string: repeatableSource } },
      }),
    },
    { name: filterNames.router, typed_config: typed('router.v3.Router', { suppress_envoy_headers: true }) },
  ]
}

function discovered(type: string): Json {
  return {
    config_source: { ads: {}, resource_api_version: 'V3' },
    type_urls: [`type.googleapis.com/envoy.extensions.filters.http.${type}`],
  }
}

const compressor = typed('compressor.v3.Compressor', {
  response_direction_config: {
    common_config: { min_content_length: 1024 },
  },
  compressor_library: {
    name: 'gzip',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.compression.gzip.compressor.v3.Gzip',
      compression_level: 'COMPRESSION_LEVEL_1',
      memory_level: 5,
      window_bits: 12,
    },
  },
})

/** A filter that is got by ECDS, by its name. */
function extension(name: string, config: Json): Json {
  return { '@type': 'type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig', name, typed_config: config }
}

export function unknownFieldsFrom({ methods, jsonFields }: Contracts): Json {
  const source = { inline_string: unknownFieldsFilter(methods, jsonFields) }
  return extension(filterNames.unknownFields, typed('lua.v3.Lua', { default_source_code: source }))
}

export function transcoderFrom({ methods, descriptors }: Contracts): Json {
  const bound = methods.filter(method => method.bindings.length > 0)
  const config = typed('grpc_json_transcoder.v3.GrpcJsonTranscoder', {
    proto_descriptor_bin: Buffer.from(descriptors).toString('base64'),
    services: [...new Set(bound.map(method => method.grpcService))].sort(),
    print_options: { always_print_primitive_fields: true, stream_newline_delimited: true },
    convert_grpc_status: true,
    query_param_unescape_plus: true,
    request_validation_options: { reject_unknown_method: true, reject_unknown_query_parameters: true },
    max_request_body_size: Math.max(defaultRequestBytes, ...methods.map(method => method.maxRequestBytes)),
    max_response_body_size: answerBytes,
  })
  return extension(filterNames.transcoder, config)
}

const provider = 'site11'

export function jwtFrom({ jwks, issuer, audience }: Pick<MeshState, 'jwks' | 'issuer' | 'audience'>): Json {
  const config = typed('jwt_authn.v3.JwtAuthentication', {
    providers: {
      [provider]: {
        issuer,
        audiences: [audience],
        require_expiration: true,
        clock_skew_seconds: 5,
        // Stated, because the default also takes a token from the query string, and those end up in logs.
        from_headers: [{ name: 'Authorization', value_prefix: 'Bearer ' }],
        forward: true,
        claim_to_headers: [{ header_name: 'x-site11-scope', claim_name: 'scope' }],
        failed_status_in_metadata: authFailureKey,
        // A signature takes Envoy as long as all else it does for a request.
        jwt_cache_config: { jwt_cache_size: 10_000 },
        local_jwks: { inline_string: JSON.stringify(jwks) },
      },
    },
    // No rule means no token needed: this one makes a token the rule and its absence a route's exception.
    rules: [{ match: { prefix: '/' }, requires: { provider_name: provider } }],
  })
  return extension(filterNames.jwt, config)
}
