/** Where the proxies' spans go, by the standard variables of OpenTelemetry, which all processes of the mesh have. */
import { readFileSync } from 'node:fs'
import { isTraced, samplingShare } from '@site11/runtime/telemetry/tracing.ts'
import type { ConsoleConfig } from './config.ts'
import type { Tracing } from './control-plane/tracing.ts'

type Settings = Pick<
  ConsoleConfig,
  | 'OTEL_EXPORTER_OTLP_ENDPOINT'
  | 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'
  | 'OTEL_EXPORTER_OTLP_HEADERS'
  | 'OTEL_EXPORTER_OTLP_CERTIFICATE'
>

/** Reads the file of authorities, when there is one. @returns undefined when requests are not traced. */
export function tracingOf(config: Settings, env: NodeJS.ProcessEnv = process.env): Tracing | undefined {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: base, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: exact } = config
  const given = exact ?? base
  if (!given || !isTraced(env)) return undefined
  const { protocol, hostname, port, pathname, search } = new URL(given)
  const tls = protocol === 'https:'
  const file = config.OTEL_EXPORTER_OTLP_CERTIFICATE
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port || (tls ? 443 : 80)),
    tls,
    ...(tls && file && { authorities: readFileSync(file, 'utf8') }),
    path: exact ? pathname + search : `${pathname.replace(/\/$/, '')}/v1/traces`,
    headers: headersIn(config.OTEL_EXPORTER_OTLP_HEADERS ?? ''),
    share: samplingShare(env),
  }
}

/** `name=value,name=value`, percent-encoded, as W3C Baggage has it. */
const headersIn = (text: string): [string, string][] =>
  text
    .split(',')
    .filter(Boolean)
    .map(pair => {
      const at = pair.indexOf('=')
      return [decoded(pair.slice(0, at)).toLowerCase(), decoded(pair.slice(at + 1))]
    })

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.trim())
  } catch {
    return text.trim()
  }
}
