/** What comes with Statistics, in the language of the page. What a user has written, or has changed, stays as it is. Pure. */
import type { AlertRule } from '@site11/proto/es/site11/statistics/v1/alerts_service_pb.ts'
import type { Dashboard } from '@site11/proto/es/site11/statistics/v1/dashboards_service_pb.ts'
import type { Metric } from '@site11/proto/es/site11/statistics/v1/metrics_service_pb.ts'
import type { TFunction } from 'i18next'
import { builtIn } from '../i18n/en/built-in.ts'

type Words = { [name: string]: string | Words }

/** Points part the names of keys. */
const keyOf = (name: string) => name.replaceAll('.', '_')

/** @param path where it stands among what is built in. @param given as the service says it. */
function say(path: readonly string[], given: string, t: TFunction): string {
  const names = path.map(keyOf)
  let found: string | Words | undefined = builtIn
  for (const name of names) found = typeof found === 'object' ? found[name] : undefined
  return found === given ? t(`statistics.builtIn.${names.join('.')}` as 'statistics.builtIn.metrics.requests') : given
}

export function dashboardInWords<D extends Dashboard>(dashboard: D, t: TFunction): D {
  if (!dashboard.builtIn) return dashboard
  const { id, title, description, panels, variables } = dashboard
  const of = (part: string[], given: string) => say(['dashboards', id, ...part], given, t)
  return {
    ...dashboard,
    title: of(['title'], title),
    description: of(['description'], description),
    panels: panels.map(panel => ({ ...panel, title: of(['panels', panel.id], panel.title) })),
    variables: variables.map(each => ({ ...each, title: of(['variables', each.name], each.title) })),
  }
}

/** What is called as its dashboard was when it was made: a report. */
export const boardTitle = (id: string, title: string, t: TFunction) => say(['dashboards', id, 'title'], title, t)

/** @param rule the id of the rule that is called so, or was. */
export const ruleTitle = (rule: string, title: string, t: TFunction) => say(['rules', rule, 'title'], title, t)

export const ruleDescription = ({ id, description }: Pick<AlertRule, 'id' | 'description'>, t: TFunction) =>
  say(['rules', id, 'description'], description, t)

/** @returns what a metric is, as a sentence: those that processes declare end without a point. */
export function metricText({ name, description }: Pick<Metric, 'name' | 'description'>, t: TFunction): string {
  const text = say(['metrics', name], description, t)
  return text === '' || /[.!?]$/.test(text) ? text : `${text}.`
}
