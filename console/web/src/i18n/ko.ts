import type { en } from './en.ts'
import { activity } from './ko/activity.ts'
import { base } from './ko/base.ts'
import { copyCall } from './ko/copy-call.ts'
import { events } from './ko/events.ts'
import { explorer } from './ko/explorer.ts'
import { gateway } from './ko/gateway.ts'
import { palette } from './ko/palette.ts'
import { security } from './ko/security.ts'
import { services } from './ko/services.ts'
import { servicesBase } from './ko/services-base.ts'
import { statistics } from './ko/statistics.ts'
import { topology } from './ko/topology.ts'
import { users } from './ko/users.ts'
import { widgets } from './ko/widgets.ts'

/** Korean has one plural form: of the keys that count, only `_other` is asked for. */
export type Translation<T> = {
  [K in keyof T as K extends `${string}_one` ? never : K]: T[K] extends string ? string : Translation<T[K]>
}

export const ko: Translation<typeof en> = {
  ...base,
  activity,
  copyCall,
  events,
  explorer,
  gateway,
  palette: { ...base.palette, ...palette },
  security,
  services: { ...servicesBase, ...services },
  statistics,
  topology,
  users,
  widgets,
}
