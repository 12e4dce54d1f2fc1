/** What is chosen for the variables of a dashboard, put into the filters of its queries: pure. */
import type { Variable } from '@site11/proto/es/site11/statistics/v1/dashboards_service_pb.ts'

/** @returns what is chosen for each variable; empty where nothing is. */
export const valuesOf = (variables: readonly Variable[], chosen: Readonly<Record<string, string>> = {}) =>
  new Map(variables.map(({ name, value }) => [name, chosen[name] ?? value]))

/** A quoted text, in which nothing is a variable, or a variable. */
const parts = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\$([a-z][a-z0-9_]*)/g

/** @returns the filter with `$name` replaced, as the server does it for reports; one for which nothing is chosen is any. */
export const filled = (filter: string, values: ReadonlyMap<string, string>): string =>
  filter.replaceAll(parts, (text, name: string | undefined) => (name === undefined ? text : quoted(values.get(name))))

/** What was chosen is taken as it is: a `*` in it stands for itself. */
const quoted = (value: string | undefined) => (value ? `"${value.replaceAll(/["\\*]/g, '\\$&')}"` : '"*"')
