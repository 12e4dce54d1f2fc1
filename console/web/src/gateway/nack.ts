/** Why a proxy refuses what it was sent: Envoy says it in English, as it meets it. Pure. */

/** By what Envoy says; the first that fits counts. */
const causes = [
  ['regex', /regex/i],
  ['rest', /transcod|proto descriptor/i],
  ['cluster', /unknown cluster|cluster .*not found/i],
  ['constraint', /constraint validation failed/i],
  ['unknownField', /didn't find a registered|unknown fields?|could not resolve type|no such field/i],
  ['twice', /duplicate|only unique values|overlapping/i],
  ['address', /cannot bind|already in use|malformed ip address/i],
  ['keys', /jwks/i],
  ['certificate', /certificate|private key|trusted ca/i],
] as const

export type NackCause = (typeof causes)[number][0] | 'other'

/** @param said what Envoy says. */
export const nackCause = (said: string): NackCause => causes.find(([, words]) => words.test(said))?.[0] ?? 'other'
