/**
 * A call as a command or as code, to be run elsewhere: pure. Neither the access token nor any other secret is in it; variables stand
 * where they belong.
 */
import {
  create,
  type DescMessage,
  type DescMethod,
  type JsonObject,
  type MessageInitShape,
  type Registry,
  toJson,
} from '@bufbuild/protobuf'
import { messageLiteral } from './message-literal.ts'
import { isPublic } from './policy.ts'
import { restCall, restTarget } from './rest-call.ts'
import { withoutSecrets } from './secrets.ts'

export const copyKinds = ['curl', 'grpcurl', 'typescript'] as const
export type CopyKind = (typeof copyKinds)[number]

export interface CopiedCall<I extends DescMessage = DescMessage> {
  method: DescMethod & { input: I }
  request: MessageInitShape<I>
  /** Where the edge is, such as `http://localhost:8000`. */
  origin: string
  /** Of the contracts, for requests with a google.protobuf.Any. */
  registry?: Registry | undefined
}

/** @returns the text to copy; undefined when the call cannot be made in that way. */
export function copyCall<I extends DescMessage>(kind: CopyKind, call: CopiedCall<I>): string | undefined {
  const { method } = call
  if (method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming') return undefined
  switch (kind) {
    case 'curl':
      return curl(call)
    case 'grpcurl':
      return grpcurl(call)
    case 'typescript':
      return typescript(call)
  }
}

function curl<I extends DescMessage>({ method, request, origin, registry }: CopiedCall<I>): string | undefined {
  const { json, names } = redacted(method, request, registry)
  const call = restCall(method, json)
  if (!call) return undefined
  const parts = [
    `curl -sS${method.methodKind === 'server_streaming' ? 'N' : ''}${call.verb === 'GET' ? '' : ` -X ${call.verb}`} ${shell(origin + restTarget(call))}`,
    ...(isPublic(method) ? [] : [bearer]),
    ...(call.body === undefined
      ? []
      : ["-H 'Content-Type: application/json'", `-d ${shell(JSON.stringify(call.body, undefined, 2))}`]),
  ]
  return `${hint(method, origin, names)}${parts.join(' \\\n  ')}\n`
}

function grpcurl<I extends DescMessage>({ method, request, origin, registry }: CopiedCall<I>): string {
  const { json, names } = redacted(method, request, registry)
  const { protocol, hostname, port } = new URL(origin)
  const isTls = protocol === 'https:'
  const parts = [
    `grpcurl ${isTls ? '' : '-plaintext '}-protoset descriptors.binpb`,
    ...(isPublic(method) ? [] : [bearer]),
    ...(Object.keys(json).length > 0 ? [`-d ${shell(JSON.stringify(json, undefined, 2))}`] : []),
    `${hostname}:${port || (isTls ? 443 : 80)} ${method.parent.typeName}/${method.name}`,
  ]
  const contracts = `curl -sS -o descriptors.binpb ${shell(`${origin}/descriptors.binpb`)}`
  return `${hint(method, origin, names)}${contracts}\n${parts.join(' \\\n  ')}\n`
}

function typescript<I extends DescMessage>({ method, request, origin }: CopiedCall<I>): string {
  const { text, imports, parameters } = messageLiteral(method.input, create(method.input, request))
  const service = method.parent
  const client = service.name.replace(/Service$/, '').replace(/^./, first => first.toLowerCase()) || 'client'
  const isOpen = isPublic(method)
  const wanted = [...(isOpen ? [] : ['token']), ...parameters].map(name => `${name}: string`)
  // biome-ignore lint/suspicious/noTemplateCurlyInString: of the code that is made
  const options = isOpen ? '' : ', { headers: { Authorization: `Bearer ${token}` } }'
  const names = Map.groupBy(
    [
      { from: sourceOf(service.file.name), name: service.name },
      ...imports.map(({ file, name }) => ({ from: sourceOf(file), name })),
    ],
    ({ from }) => from,
  )
  const lines = [
    "import { createClient } from '@connectrpc/connect'",
    "import { createGrpcWebTransport } from '@connectrpc/connect-web'",
    ...[...names].map(
      ([from, each]) => `import { ${[...new Set(each.map(({ name }) => name))].sort().join(', ')} } from '${from}'`,
    ),
    '',
    `const ${client} = createClient(${service.name}, createGrpcWebTransport({ baseUrl: '${origin}' }))`,
    '',
    ...(isOpen
      ? []
      : [
          '/** @param token the accessToken that POST /api/v1/auth/login answers with; it is good for five minutes. */',
        ]),
    `export function ${method.localName}(${wanted.join(', ')}) {`,
    `  return ${client}.${method.localName}(${text}${options})`,
    '}',
    '',
  ]
  return lines.join('\n')
}

const sourceOf = (file: string) => `@site11/proto/es/${file}_pb.ts`

const bearer = '-H "Authorization: Bearer $TOKEN"'

/** Which variables are to be set before, as a comment. */
function hint(method: DescMethod, origin: string, names: string[]): string {
  const login = `curl -sS ${origin}/api/v1/auth/login -d '{"email":"...","password":"..."}' | jq -r .accessToken`
  const token = isPublic(method) ? [] : [`# TOKEN=$(${login})`]
  return [...token, ...names.map(name => `# ${name}=...`)].map(line => `${line}\n`).join('')
}

/** The request with `$NAME` where secrets were, as far as `shell` knows to write it. */
function redacted<I extends DescMessage>(
  method: DescMethod & { input: I },
  request: MessageInitShape<I>,
  registry: Registry | undefined,
): { json: JsonObject; names: string[] } {
  const names = new Set<string>()
  const message = create(method.input, request)
  const all = toJson(method.input, message, registry ? { registry } : {}) as JsonObject
  const json = withoutSecrets(method.input, all, field => {
    const name = field.name.toUpperCase()
    names.add(name)
    return `${mark}${name}${mark}`
  })
  return { json, names: [...names] }
}

/** Letters that neither JSON nor an address writes in another way. */
const mark = '__secret__'

/** @returns the text as one word of a POSIX shell. */
function shell(text: string): string {
  const quoted = `'${text.replaceAll("'", `'\\''`)}'`
  return quoted.replace(new RegExp(`${mark}([A-Z0-9_]+?)${mark}`, 'g'), `'"$$$1"'`)
}
