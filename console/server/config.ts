/** What the Console is told by the environment. */
import { isIP } from 'node:net'
import { RegisterRequest } from '@site11/proto/grpc/site11/console/v1/auth_service.ts'
import { hostAndPort, loadConfig, platformConfig, secretKey } from '@site11/runtime/config.ts'
import { registry } from '@site11/runtime/contract.ts'
import { violationOf } from '@site11/runtime/validate.ts'
import { z } from 'zod'

const { SITE11_CONSOLE: _own, ...platform } = platformConfig

const shape = {
  ...platform,
  SITE11_INSTANCE: platform.SITE11_INSTANCE.default('console-1'),
  /** Where the events of services are. Without it none are shown, and none are heard of. */
  SITE11_REDIS_URL: platform.SITE11_REDIS_URL.optional(),
  /** Where the plain HTTP server listens: health, keys, dashboard. */
  SITE11_HTTP_LISTEN: hostAndPort,
  /** Where proxies reach it; the same as SITE11_HTTP_LISTEN when unset. */
  SITE11_HTTP_ADVERTISE: hostAndPort.optional(),
  /** The port and the address of the edge. */
  SITE11_PORT: z.coerce
    .number('must be a port')
    .int('must be a port')
    .min(1, 'must be a port')
    .max(65535, 'must be a port')
    .default(8000),
  SITE11_EDGE_ADDRESS: z
    .string()
    .refine(text => isIP(text) > 0, 'must be an IP address')
    .default('127.0.0.1'),
  /** Encrypts the signing keys at rest. */
  SITE11_SECRET_KEY: secretKey,
  /** Origins that browsers may call from, besides the edge's own, separated by commas. */
  SITE11_CORS_ORIGINS: z
    .string()
    .default('')
    .transform(text =>
      text
        .split(',')
        .map(origin => origin.trim())
        .filter(Boolean),
    )
    .refine(
      origins => origins.every(origin => URL.canParse(origin) && new URL(origin).origin === origin),
      'must be origins such as https://app.example.com, separated by commas',
    ),
  /** Lets the command line on this machine look at the mesh and drain instances. */
  SITE11_OPERATOR_TOKEN: z.string().min(16, 'must have at least 16 characters').optional(),
  /** What Prometheus shows to read the metrics of the mesh. */
  SITE11_METRICS_TOKEN: z.string().min(16, 'must have at least 16 characters').optional(),
  /** The control socket of the supervisor of the processes; without one the Console starts, ends and replaces none. */
  SITE11_SUPERVISOR: z.string().optional(),
  /** PEM files of the edge's certificate, with its chain, and of its key. Without them the edge speaks plain HTTP. */
  SITE11_TLS_CERTIFICATE: z.string().optional(),
  SITE11_TLS_KEY: z.string().optional(),
  /** The first admin. */
  SITE11_ADMIN_EMAIL: z
    .string()
    .refine(email => accepted({ email }), 'must be an e-mail address')
    .optional(),
  SITE11_ADMIN_PASSWORD: z
    .string()
    .refine(password => accepted({ password }), 'must have 8 to 256 characters')
    .optional(),
}

export type ConsoleConfig = ReturnType<typeof consoleConfig>

/** @throws ConfigError listing every variable that is missing or malformed. */
export function consoleConfig(env: NodeJS.ProcessEnv = process.env) {
  return loadConfig(shape, env)
}

/** Whether the contract accepts the account: the rules for an e-mail address and a password are stated there. */
function accepted(account: { email?: string; password?: string }): boolean {
  const request = { email: 'admin@site11.local', password: 'long enough', ...account }
  const desc = registry.getMessage('site11.console.v1.RegisterRequest')
  if (!desc) throw new Error('The contracts have no RegisterRequest; run npm run generate.')
  return violationOf(desc, RegisterRequest.encode(RegisterRequest.fromPartial(request)).finish()) === undefined
}
