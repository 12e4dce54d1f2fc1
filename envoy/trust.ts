/** How Envoy knows the Console and the failover: by files that the Console writes, read anew whenever they change. */
import { dirname, join } from 'node:path'

/** What the failover's certificate says. */
export const failoverPeer = { service: 'failover', instance: 'failover' }

/** The name of the secret in the file. */
const trustName = 'control-plane-trust'

/** @returns the file that Envoy reads, beside that for all others (`ca.pem`). */
export const envoyTrustFileOf = (trustFile: string) => join(dirname(trustFile), 'ca.envoy.json')

/** @returns the content of the file: the authorities to believe (PEM), as a response of the secret discovery service. */
export function envoyTrust(bundle: string): string {
  const secret = {
    '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
    name: trustName,
    validation_context: { trusted_ca: { inline_string: bundle } },
  }
  return `${JSON.stringify({ resources: [secret] })}\n`
}

/** @returns the transport to a server whose certificate has a URI that this matches. Shows no certificate: there is none yet. */
export function transportTo(uri: { prefix: string } | { exact: string }, file: string) {
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
      common_tls_context: {
        alpn_protocols: ['h2'],
        combined_validation_context: {
          default_validation_context: { match_typed_subject_alt_names: [{ san_type: 'URI', matcher: uri }] },
          validation_context_sds_secret_config: {
            name: trustName,
            sds_config: {
              path_config_source: { path: file, watched_directory: { path: dirname(file) } },
              resource_api_version: 'V3',
            },
          },
        },
      },
    },
  }
}
