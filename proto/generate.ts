/**
 * Makes everything that is derived from the contracts, into proto/gen:
 *   grpc/             ts-proto: servers and service-to-service clients
 *   es/               protobuf-es: browsers, and whatever looks into descriptors
 *   site11.binpb      descriptors of our own contracts, with comments (documentation, explorer)
 *   envoy.binpb       descriptors of the xDS resources that the control plane writes
 * Does nothing when neither the contracts nor the generators changed.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { file_buf_validate_validate } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js'
import { printProto } from './print-proto.ts'

const root = join(import.meta.dirname, '..')
const gen = join(import.meta.dirname, 'gen')

const deps = join(root, 'node_modules/@grpc/grpc-js-xds/deps')

const googleFiles = [
  'api/annotations.proto',
  'api/field_behavior.proto',
  'api/http.proto',
  'api/httpbody.proto',
  'rpc/error_details.proto',
  'rpc/status.proto',
]

/** The xDS packages that console/server/control-plane writes resources of; buf adds what they refer to. */
const envoyPackages = [
  'config/accesslog/v3',
  'config/bootstrap/v3',
  'config/cluster/v3',
  'config/core/v3',
  'config/endpoint/v3',
  'config/listener/v3',
  'config/rbac/v3',
  'config/route/v3',
  'config/trace/v3/opentelemetry.proto',
  'extensions/access_loggers/file/v3',
  'extensions/access_loggers/stream/v3',
  'extensions/compression/gzip/compressor/v3',
  'extensions/filters/http/buffer/v3',
  'extensions/filters/http/compressor/v3',
  'extensions/filters/http/cors/v3',
  'extensions/filters/http/grpc_json_transcoder/v3',
  'extensions/filters/http/grpc_stats/v3',
  'extensions/filters/http/grpc_web/v3',
  'extensions/filters/http/header_mutation/v3',
  'extensions/filters/http/health_check/v3',
  'extensions/filters/http/jwt_authn/v3',
  'extensions/filters/http/local_ratelimit/v3',
  'extensions/filters/http/lua/v3',
  'extensions/filters/http/rbac/v3',
  'extensions/filters/http/router/v3',
  'extensions/filters/network/connection_limit/v3',
  'extensions/filters/network/http_connection_manager/v3',
  'extensions/retry/host/previous_hosts/v3',
  'extensions/transport_sockets/tls/v3',
  'extensions/upstreams/http/v3',
  'service/discovery/v3',
]

const inputs = [
  ...globSync('proto/site11/**/*.proto', { cwd: root }),
  'proto/generate.ts',
  'proto/print-proto.ts',
  'buf.gen.yaml',
  'buf.yaml',
  'package-lock.json',
].sort()
const hash = createHash('sha256')
for (const file of inputs)
  hash
    .update(file)
    .update('\0')
    .update(readFileSync(join(root, file)))
    .update('\0')
const fingerprint = hash.digest('hex')
const stamp = join(gen, 'fingerprint')

if (existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint) {
  console.log('generate: up to date')
} else {
  rmSync(stamp, { force: true })
  for (const dir of ['third_party', 'grpc', 'es']) rmSync(join(gen, dir), { recursive: true, force: true })
  writeThirdParty()
  buf('generate')
  writeMapEntriesWhole()
  buf('build', '--path', 'proto/site11', '-o', 'proto/gen/site11.binpb')
  buildEnvoy()
  writeFileSync(stamp, fingerprint)
  console.log('generate: done')
}

/** Lays out the contracts of others that ours import. */
function writeThirdParty() {
  const validate = join(gen, 'third_party/buf/validate/validate.proto')
  mkdirSync(dirname(validate), { recursive: true })
  writeFileSync(validate, printProto(file_buf_validate_validate.proto))
  for (const name of googleFiles) cpSync(join(deps, 'googleapis/google', name), join(gen, 'third_party/google', name))
}

/**
 * ts-proto leaves an empty key or value out of an entry of a map, as the wire format allows. Envoy's JSON transcoder (1.40) crashes
 * on such an entry, so ours are always written whole: otherwise one empty profile field takes the edge down.
 */
function writeMapEntriesWhole() {
  for (const name of globSync('grpc/**/*.ts', { cwd: gen })) {
    const file = join(gen, name)
    const source = readFileSync(file, 'utf8')
    const whole = source.replace(/export const \w+_\w+Entry: MessageFns<[\s\S]*?\n {2}\},\n/g, encode =>
      encode.replace(/if \(message\.(?:key|value)(?:\.length)? !== (?!undefined)[^)]*\) \{\s*([\s\S]*?;)\s*\}/g, '$1'),
    )
    if (whole !== source) writeFileSync(file, whole)
  }
}

/** The Envoy API as npm ships it refers to one validation option that the validate.proto beside it lacks: `ignore_empty`. */
function buildEnvoy() {
  const envoy = mkdtempSync(join(tmpdir(), 'site11-envoy-api-'))
  for (const dir of ['envoy-api', 'googleapis', 'xds', 'protoc-gen-validate']) {
    cpSync(join(deps, dir), envoy, { recursive: true, filter: path => !/\/(java|tests)$/.test(path) })
  }
  const validate = join(envoy, 'validate/validate.proto')
  const source = readFileSync(validate, 'utf8')
  writeFileSync(
    validate,
    source.replace('message StringRules {', 'message StringRules { optional bool ignore_empty = 26;'),
  )
  // For what Envoy knows and these files do not describe yet.
  const typedStruct = join(envoy, 'xds/type/v3/typed_struct.proto')
  const paths = [...envoyPackages.map(name => join(envoy, 'envoy', name)), typedStruct].flatMap(path => [
    '--path',
    path,
  ])
  buf('build', envoy, '--exclude-source-info', '-o', 'proto/gen/envoy.binpb', ...paths)
  rmSync(envoy, { recursive: true })
}

function buf(...args: string[]) {
  execFileSync(process.execPath, [join(root, 'node_modules/@bufbuild/buf/bin/buf'), ...args], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, PATH: `${join(root, 'node_modules/.bin')}:${process.env.PATH}` },
  })
}
