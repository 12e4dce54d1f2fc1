/** The environment of a process as operators may see it. Whatever is not known to be harmless is taken for a secret. */

export type Setting = { name: string; value: string; secret: boolean }

const harmless = new Set([
  'LANG',
  'NODE_ENV',
  'NO_COLOR',
  'OTEL_EXPORTER_OTLP_CERTIFICATE',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_TRACES_SAMPLER',
  'OTEL_TRACES_SAMPLER_ARG',
  'TZ',
  'SITE11_ADVERTISE',
  'SITE11_BIND',
  'SITE11_CA',
  'SITE11_CONSOLE',
  'SITE11_CORS_ORIGINS',
  'SITE11_EDGE_ADDRESS',
  'SITE11_ENGINES',
  'SITE11_HOME',
  'SITE11_HTTP_ADVERTISE',
  'SITE11_HTTP_LISTEN',
  'SITE11_INSTANCE',
  'SITE11_LISTEN',
  'SITE11_LOG_LEVEL',
  'SITE11_MAIL_FROM',
  'SITE11_METRICS_LISTEN',
  'SITE11_PORT',
  'SITE11_PUBLIC_URL',
  'SITE11_REPLICAS',
  'SITE11_SUPERVISOR',
  'SITE11_TLS_CERTIFICATE',
  'SITE11_TLS_KEY',
  'SITE11_ZONE',
])

/** A URL with a user and a password in it. */
const credentials = /\/\/[^/\s]*@/
/** What is a path to a key when it is right, and the key itself when somebody was wrong. */
const pem = /-----BEGIN/

/** Sorted by name. */
export function visibleSettings(env: NodeJS.ProcessEnv): Setting[] {
  return Object.entries(env)
    .flatMap(([name, value]) => {
      if (value === undefined) return []
      const secret = !harmless.has(name) || credentials.test(value) || pem.test(value)
      return [{ name, value: secret ? '' : value, secret }]
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}
