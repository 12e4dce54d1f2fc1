/**
 * X.509 certificates, written by hand: two kinds of a fixed shape. A library for all kinds would cost the Console 20 MB and twenty
 * packages beside the keys that it holds.
 */
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { bits, der, integer, octets, oid, sequence, set, time, utf8, yes } from './der.ts'

/** PEM, and the key that signs. */
export interface Authority {
  certificate: string
  privateKey: KeyObject
}

export interface Validity {
  from: Date
  until: Date
}

/** A key of the one kind that is used here: ECDSA over P-256. */
export const newKeyPair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })

/** Makes a certificate authority that signs leaves and nothing else. @param name tells it from others. */
export function createAuthority(name: string, { from, until }: Validity): Authority {
  const { publicKey, privateKey } = newKeyPair()
  const key = spkiOf(publicKey)
  const certificate = certificateOf({
    subject: name,
    issuer: { name, keyId: keyIdOf(key), privateKey },
    key,
    validity: { from, until },
    extensions: [
      extension('2.5.29.19', sequence(yes, integer(Buffer.of(0))), true), // basicConstraints: a CA, with no other below it
      extension('2.5.29.15', bits(Buffer.of(0b0000_0110), 1), true), // keyUsage: keyCertSign, cRLSign
    ],
  })
  return { certificate, privateKey }
}

/** What a leaf is for. `uri` is its only name that counts; `name` is for people. */
export interface Leaf {
  name: string
  uri: string
  publicKey: KeyObject
  validity: Validity
}

/** Issues a certificate for both ends of a connection. @param issuerName the name that the authority was made with. @returns PEM. */
export function issueLeaf(
  { privateKey }: Authority,
  issuerName: string,
  { name, uri, publicKey, validity }: Leaf,
): string {
  const issuerKey = spkiOf(createPublicKey(privateKey))
  return certificateOf({
    subject: name,
    issuer: { name: issuerName, keyId: keyIdOf(issuerKey), privateKey },
    key: spkiOf(publicKey),
    validity,
    extensions: [
      extension('2.5.29.19', sequence(), true), // basicConstraints: no CA
      extension('2.5.29.15', bits(Buffer.of(0b1000_0000), 7), true), // keyUsage: digitalSignature
      extension('2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.1'), oid('1.3.6.1.5.5.7.3.2'))), // server and client
      extension('2.5.29.17', sequence(der(0x86, Buffer.from(uri)))), // subjectAltName: URI
    ],
  })
}

/** @returns the public key in these bytes (SubjectPublicKeyInfo, DER). @throws Error when it is not one of ECDSA over P-256. */
export function publicKeyFrom(spki: Uint8Array): KeyObject {
  const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw new Error('The key is not one of ECDSA over P-256.')
  return key
}

interface Content {
  subject: string
  issuer: { name: string; keyId: Buffer; privateKey: KeyObject }
  key: Buffer
  validity: Validity
  extensions: Buffer[]
}

const ecdsaWithSha256 = sequence(oid('1.2.840.10045.4.3.2'))

/** @returns PEM. */
export function certificateOf({ subject, issuer, key, validity, extensions }: Content): string {
  const identifiers = [
    extension('2.5.29.14', octets(keyIdOf(key))),
    extension('2.5.29.35', sequence(der(0x80, issuer.keyId))),
  ]
  const body = sequence(
    der(0xa0, integer(Buffer.of(2))), // version 3
    integer(Buffer.concat([Buffer.of(1), randomBytes(15)])), // serial number, positive
    ecdsaWithSha256,
    nameOf(issuer.name),
    sequence(time(validity.from), time(validity.until)),
    nameOf(subject),
    key,
    der(0xa3, sequence(...extensions, ...identifiers)),
  )
  const bytes = sequence(body, ecdsaWithSha256, bits(sign('sha256', body, issuer.privateKey)))
  return `-----BEGIN CERTIFICATE-----\n${bytes.toString('base64').replace(/.{64}(?=.)/g, '$&\n')}\n-----END CERTIFICATE-----\n`
}

const extension = (id: string, value: Buffer, critical = false) =>
  sequence(oid(id), ...(critical ? [yes] : []), octets(value))
const nameOf = (commonName: string) => sequence(set(sequence(oid('2.5.4.3'), utf8(commonName))))
const spkiOf = (key: KeyObject) => key.export({ type: 'spki', format: 'der' })
const keyIdOf = (spki: Buffer) => createHash('sha256').update(spki).digest().subarray(0, 20)
