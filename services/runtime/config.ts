/**
 * Configuration from the environment: typed, frozen, and checked as a whole, so that one start names every problem.
 */
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { z } from 'zod'

/** `host:port`, split. IPv6 hosts stand in brackets. */
const hostAndPort = z
  .string()
  .regex(/^(\[[0-9a-f:]+\]|[^:\s]+):\d{1,5}$/i, 'must be host:port, such as 127.0.0.1:8110')
  .transform(text => {
    const at = text.lastIndexOf(':')
    return Object.freeze({ host: text.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(text.slice(at + 1)), text })
  })
  .refine(({ port }) => port <= 65535, 'has a port above 65535')

const httpUrl = z.url({ protocol: /^https?$/, error: 'must be an http or https URL' })

/** Where traces go, by the standard variables of OpenTelemetry; its exporter reads some of them itself. */
const otlpConfig = {
  OTEL_EXPORTER_OTLP_ENDPOINT: httpUrl.optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: httpUrl.optional(),
  OTEL_EXPORTER_OTLP_PROTOCOL: z
    .literal('http/protobuf', 'must be http/protobuf, which every collector takes')
    .optional(),
  OTEL_EXPORTER_OTLP_HEADERS: z
    .string()
    .regex(/^[^=,]+=[^,]*(,[^=,]+=[^,]*)*$/, 'must be like name=value,name=value')
    .optional(),
  /** Whose certificates a receiver may show, in place of the authorities that the system knows. */
  OTEL_EXPORTER_OTLP_CERTIFICATE: z
    .string()
    .refine(isCertificate, 'must be the path, from the root, of a PEM file with certificates of authorities')
    .optional(),
  OTEL_TRACES_SAMPLER: z
    .enum([
      'always_on',
      'always_off',
      'traceidratio',
      'parentbased_always_on',
      'parentbased_always_off',
      'parentbased_traceidratio',
    ])
    .optional(),
  OTEL_TRACES_SAMPLER_ARG: z.coerce
    .number('must be 0 to 1')
    .min(0, 'must be 0 to 1')
    .max(1, 'must be 0 to 1')
    .optional(),
}

/** From the root, as processes run in folders of their own. */
function isCertificate(path: string): boolean {
  try {
    return isAbsolute(path) && Boolean(new X509Certificate(readFileSync(path)))
  } catch {
    return false
  }
}

/** What every process of the mesh is told. */
export const platformConfig = {
  /** Name of this instance, such as `users-1`. */
  SITE11_INSTANCE: z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, 'must be a name such as users-1'),
  /** Where the gRPC server listens. */
  SITE11_LISTEN: hostAndPort,
  /** Where others reach it; the same as SITE11_LISTEN when unset. */
  SITE11_ADVERTISE: hostAndPort.optional(),
  /** gRPC address of the Console. */
  SITE11_CONSOLE: hostAndPort,
  /** The shared secret that an instance joins the mesh with. */
  SITE11_JOIN_TOKEN: z.string().min(16, 'must have at least 16 characters'),
  SITE11_MONGO_URL: z.string().regex(/^mongodb(\+srv)?:\/\//, 'must begin with mongodb:// or mongodb+srv://'),
  SITE11_REDIS_URL: z.string().regex(/^rediss?:\/\//, 'must begin with redis:// or rediss://'),
  SITE11_ZONE: z.string().default(''),
  SITE11_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info'),
  /** Folder for local state. */
  SITE11_HOME: z.string().default('.site11'),
  /** The authorities of the mesh, which the Console writes there; `ca.pem` in SITE11_HOME when unset. */
  SITE11_CA: z.string().optional(),
  /** Where this process serves its metrics over plain HTTP, to whoever asks; nowhere when unset. */
  SITE11_METRICS_LISTEN: hostAndPort.optional(),
  ...otlpConfig,
  /** Where browsers and clients reach the edge. */
  SITE11_PUBLIC_URL: z
    .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
    .default('http://localhost:8000'),
}

/** What a process encrypts its secrets with at rest: 32 bytes. For those that have some. */
const secretKey = z
  .string()
  .refine(
    text => /^[A-Za-z0-9+/]{43}=$/.test(text),
    'must be 32 random bytes in base64, such as `openssl rand -base64 32` prints',
  )
  .transform(text => Buffer.from(text, 'base64'))

export { hostAndPort, secretKey }

/** @returns the path of the file that the Console keeps the authorities of the mesh in. */
export const trustFileOf = ({
  SITE11_CA: file,
  SITE11_HOME: home,
}: {
  SITE11_CA?: string | undefined
  SITE11_HOME: string
}) => file ?? join(home, 'ca.pem')

export class ConfigError extends Error {}

/**
 * Reads `shape` from `env`.
 * @returns a frozen object; unset optional values are undefined.
 * @throws ConfigError listing every variable that is missing or malformed. Values are not repeated: they may be secrets.
 */
export function loadConfig<Shape extends z.ZodRawShape>(
  shape: Shape,
  env: NodeJS.ProcessEnv = process.env,
): Readonly<z.infer<z.ZodObject<Shape>>> {
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const result = z.object(shape).safeParse(present)
  if (result.success) return Object.freeze(result.data)
  const problems = result.error.issues.map(issue => {
    const name = issue.path.join('.')
    return `  ${name} ${present[name] === undefined ? 'is not set' : issue.message}`
  })
  throw new ConfigError(`The environment is not as it must be:\n${problems.join('\n')}`)
}

/** @returns the version in the package.json of the folder. */
export function versionOf(folder: string): string {
  return z.object({ version: z.string() }).parse(JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'))).version
}
