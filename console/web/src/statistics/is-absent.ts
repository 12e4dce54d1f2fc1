import { problemFrom } from '../api/problem.ts'

/** @returns whether an error says that nobody answers for Statistics, rather than that something is wrong with what was asked. */
export function isAbsent(error: unknown): boolean {
  const { code, reason } = problemFrom(error)
  return code === 'UNIMPLEMENTED' || (code === 'UNAVAILABLE' && reason === undefined)
}
