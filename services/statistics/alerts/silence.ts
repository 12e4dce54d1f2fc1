/** Silences: which alerts they are about. Pure. */
import type { AlertSilence } from '@site11/proto/grpc/site11/statistics/v1/alerts_service.ts'
import { AlertSeverity } from '@site11/proto/grpc/site11/statistics/v1/alerts_service.ts'
import { invalidArgument } from '@site11/runtime/errors.ts'
import type { Resource } from '../resources.ts'

export interface SilenceDocument extends Resource {
  matchers: AlertSilence['matchers']
  reason: string
  until: Date
  owner: string
}

const maxMs = 366 * 86_400_000

/** @throws ServiceError INVALID_FIELD when it would have ended already, or never. */
export function newSilence(message: AlertSilence, owner: string, id: string, now: Date): SilenceDocument {
  const { matchers, reason, until = now } = message
  const aheadMs = until.getTime() - now.getTime()
  if (aheadMs <= 0 || aheadMs > maxMs) {
    const description = 'It must end after now, and within a year.'
    throw invalidArgument('INVALID_FIELD', description, [{ field: 'alert_silence.until', description }])
  }
  return { _id: id, matchers, reason, until, owner, version: 1, createTime: now, updateTime: now }
}

export const toSilence = ({ _id: id, matchers, reason, until, owner, createTime }: SilenceDocument, now: Date) => ({
  ...{ id, matchers, reason, until, owner, createTime },
  active: until > now,
})

/** @returns the one of these, all of which count now, that an alert with these labels is silenced by; empty when none does. */
export function silenceOf(silences: SilenceDocument[], labels: Record<string, string>): string {
  const matches = ({ matchers }: SilenceDocument) =>
    matchers.every(({ label, value }) => {
      const found = labels[label] ?? ''
      return value.endsWith('*') ? found.startsWith(value.slice(0, -1)) : found === value
    })
  return silences.find(matches)?._id ?? ''
}

/** How labels name severities. */
export const severityLabels: Record<AlertSeverity, string> = {
  [AlertSeverity.UNRECOGNIZED]: '',
  [AlertSeverity.ALERT_SEVERITY_UNSPECIFIED]: '',
  [AlertSeverity.ALERT_SEVERITY_INFO]: 'info',
  [AlertSeverity.ALERT_SEVERITY_WARNING]: 'warning',
  [AlertSeverity.ALERT_SEVERITY_CRITICAL]: 'critical',
}
