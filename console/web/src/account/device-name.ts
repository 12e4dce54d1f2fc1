import type { Session } from '@site11/proto/es/site11/console/v1/auth_service_pb.ts'
import type { TFunction } from 'i18next'
import { deviceOf } from './device.ts'

/** @returns what people know the device of a session by. */
export function deviceName({ userAgent }: Session, t: TFunction): string {
  const device = deviceOf(userAgent)
  return device ? t('account.deviceOn', { ...device }) : userAgent || t('account.deviceUnknown')
}
