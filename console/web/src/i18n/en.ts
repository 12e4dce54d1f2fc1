import { activity } from './en/activity.ts'
import { base } from './en/base.ts'
import { copyCall } from './en/copy-call.ts'
import { events } from './en/events.ts'
import { explorer } from './en/explorer.ts'
import { gateway } from './en/gateway.ts'
import { palette } from './en/palette.ts'
import { security } from './en/security.ts'
import { services } from './en/services.ts'
import { servicesBase } from './en/services-base.ts'
import { statistics } from './en/statistics.ts'
import { topology } from './en/topology.ts'
import { users } from './en/users.ts'
import { widgets } from './en/widgets.ts'

/** All words there are, as types and tests know them. */
export const en = {
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
