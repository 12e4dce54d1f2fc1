/** The certificate that the edge shows to callers: two PEM files of the operator, read again whenever they change. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { unwatchFile, watchFile } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Log } from '@site11/runtime/log.ts'
import type { ConsoleConfig } from './config.ts'
import { StartError } from './start-error.ts'

export interface EdgeCertificate {
  /** PEM. */
  current(): { certificateChain: string; privateKey: string }
  /** Who has signed it, and when it is valid. */
  facts(): { authority: string; createTime: Date; expireTime: Date }
  /** What is wrong with it, or with the files that are to replace it. */
  problem(): string | undefined
  /** That it will be wrong soon. */
  warning(): string | undefined
  onChange(listener: () => void): void
  close(): void
}

/** How often the files are looked at. ms. */
const lookMs = 2000
/** How long before its end a certificate is warned of. ms. */
const warnMs = 7 * 24 * 60 * 60_000

/** @returns the certificate that the configuration names; undefined when it names none. @throws StartError, as below. */
export async function edgeCertificateOf(
  { SITE11_TLS_CERTIFICATE: certificate, SITE11_TLS_KEY: key }: ConsoleConfig,
  log: Log,
): Promise<EdgeCertificate | undefined> {
  if (!certificate && !key) return undefined
  if (!certificate || !key)
    throw new StartError('SITE11_TLS_CERTIFICATE and SITE11_TLS_KEY belong together: set both, or neither.')
  return watchEdgeCertificate({ certificate, key }, log)
}

/**
 * @param files the paths of the certificate with its chain, and of its key.
 * @throws StartError when they cannot be read or do not belong together.
 */
export async function watchEdgeCertificate(
  files: { certificate: string; key: string },
  log: Log,
  now: () => number = Date.now,
): Promise<EdgeCertificate> {
  let refused: string | undefined
  const listeners: (() => void)[] = []
  let current = await read(files).catch(error => {
    throw new StartError(error.message)
  })

  const look = async () => {
    try {
      const next = await read(files)
      refused = undefined
      if (next.certificateChain === current.certificateChain && next.privateKey === current.privateKey) return
      current = next
      log.info({ expires: next.expires }, 'the edge has a new certificate')
      for (const listener of listeners) listener()
    } catch (error) {
      // A file may be half written, or only one of the two be there yet.
      refused = `${(error as Error).message} The certificate before it stays in force.`
    }
  }
  const leftMs = () => current.expires.getTime() - now()
  const ends = () => current.expires.toISOString()
  const renew = 'put a new one in its place, and the edge takes it.'
  for (const file of Object.values(files)) watchFile(file, { interval: lookMs, persistent: false }, look)

  return {
    current: () => ({ certificateChain: current.certificateChain, privateKey: current.privateKey }),
    facts: () => ({ authority: current.issuer, createTime: current.begins, expireTime: current.expires }),
    problem: () => refused ?? (leftMs() <= 0 ? `${files.certificate} has expired at ${ends()}: ${renew}` : undefined),
    warning: () =>
      leftMs() > 0 && leftMs() < warnMs ? `${files.certificate} expires at ${ends()}: ${renew}` : undefined,
    onChange: listener => void listeners.push(listener),
    close() {
      for (const file of Object.values(files)) unwatchFile(file, look)
    },
  }
}

async function read({ certificate, key }: { certificate: string; key: string }) {
  const [certificateChain, privateKey] = await Promise.all([
    readPem('SITE11_TLS_CERTIFICATE', certificate),
    readPem('SITE11_TLS_KEY', key),
  ])
  const first = parsed(certificate, certificateChain)
  if (!belongsTo(first, privateKey, key))
    throw new Error(`${key} (SITE11_TLS_KEY) is not the key of ${certificate} (SITE11_TLS_CERTIFICATE).`)
  return { certificateChain, privateKey, ...factsOf(first) }
}

function factsOf({ issuer, validFrom, validTo }: X509Certificate) {
  // `CN=name`, one attribute in a line.
  const name = /^CN=(.*)$/m.exec(issuer)?.[1] ?? issuer.replaceAll('\n', ', ')
  return { issuer: name, begins: new Date(validFrom), expires: new Date(validTo) }
}

async function readPem(variable: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new Error(`${variable}: ${file} cannot be read (${(error as NodeJS.ErrnoException).code}).`)
  }
}

function parsed(file: string, pem: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch {
    throw new Error(`${file} (SITE11_TLS_CERTIFICATE) holds no certificate in PEM.`)
  }
}

function belongsTo(certificate: X509Certificate, pem: string, file: string): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(pem))
  } catch {
    throw new Error(`${file} (SITE11_TLS_KEY) holds no private key in PEM without a passphrase.`)
  }
}
