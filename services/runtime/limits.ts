/** How large messages may be, in bytes: the same at the edge, at servers and at clients. */
import type { MethodPolicy } from '@site11/proto/es/site11/policy/v1/policy_pb.ts'

const mebibyte = 1024 * 1024

/** Of a request, where the policy of its method gives no other limit. */
export const defaultRequestBytes = mebibyte
/** What no policy may exceed. */
export const longestRequestBytes = 64 * mebibyte
/** Of each message of a stream that a caller sends. */
export const streamMessageBytes = 4 * mebibyte
/** Of an answer, whatever the method. */
export const answerBytes = 8 * mebibyte

/** @returns the largest request that a unary method takes. */
export const requestBytesOf = (policy: Pick<MethodPolicy, 'maxRequestBytes'> | undefined): number =>
  policy?.maxRequestBytes || defaultRequestBytes
