/** Logs are JSON lines on standard output (pino), with the instance on each and the trace id wherever there is one. */
import { type Logger, pino } from 'pino'

export type Log = Logger

/** @returns a logger for a process. Known names of secrets are redacted, should one ever be logged by mistake. */
export function createLog(instance: string, level: string): Log {
  return pino({
    level,
    base: { instance },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: label => ({ level: label }) },
    redact: [
      'password',
      'newPassword',
      'currentPassword',
      'token',
      'refreshToken',
      'accessToken',
      '*.password',
      '*.token',
    ],
  })
}
