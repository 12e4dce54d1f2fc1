/** Variables in filters: `service = $service`. Pure. */

/** A quoted text, in which nothing is a variable, or a variable. */
const parts = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\$([a-z][a-z0-9_]*)/g

/** @returns the names of the variables that a filter refers to. */
export const namesIn = (filter: string): string[] => [
  ...new Set([...filter.matchAll(parts)].flatMap(([, name]) => (name === undefined ? [] : [name]))),
]

/** @returns the filter with the values of the variables; where there is none, with `"*"`, which is any. */
export const fillIn = (filter: string, values: Record<string, string>): string =>
  filter.replaceAll(parts, (text, name: string | undefined) =>
    name === undefined ? text : quoted(Object.hasOwn(values, name) ? values[name] : ''),
  )

/** What the caller has chosen is taken as it is: a `*` in it stands for itself. */
const quoted = (value: string | undefined) => (value ? `"${value.replaceAll(/["\\*]/g, '\\$&')}"` : '"*"')
