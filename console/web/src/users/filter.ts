/**
 * The list's filter as AIP-160 text and as the choices that people make of it. What no choice stands for is kept as it was written,
 * so that text and choices are two views of one filter.
 */
export const states = ['ACTIVE', 'DISABLED'] as const
export const roles = ['admin', 'operator', 'user'] as const

export interface Choices {
  state?: (typeof states)[number]
  role?: (typeof roles)[number]
  verified?: boolean
  /** Created after this time, as in the filter (RFC 3339). */
  createdAfter?: string
  /** Conditions that no choice stands for. */
  rest: string[]
}

/** @returns the conditions of a filter that are joined by AND outside of quotes and parentheses, the only way that all choices join. */
export function conditionsOf(filter: string): string[] {
  const found: string[] = []
  let depth = 0
  let quote = ''
  let start = 0
  for (let at = 0; at < filter.length; at++) {
    const character = filter[at] ?? ''
    if (quote) {
      if (character === '\\') at++
      else if (character === quote) quote = ''
    } else if (character === '"' || character === "'") quote = character
    else if (character === '(') depth++
    else if (character === ')') depth--
    else if (depth === 0) {
      const joint = /^\sAND\s/.exec(filter.slice(at, at + 5))
      if (!joint) continue
      found.push(filter.slice(start, at))
      at += 4
      start = at
    }
  }
  found.push(filter.slice(start))
  return found.map(condition => condition.trim()).filter(Boolean)
}

/** @returns the choices that a filter stands for. The first condition of each kind is the choice, further ones are the rest. */
export function choicesOf(filter: string): Choices {
  const choices: Choices = { rest: [] }
  for (const condition of conditionsOf(filter)) {
    const [, field = '', operator = '', value = ''] =
      /^(state|roles|email_verified|create_time)\s*(=|:|>)\s*"?([\w:.-]+)"?$/.exec(condition) ?? []
    const known = `${field}${operator}`
    const state = states.find(name => name === value)
    const role = roles.find(name => name === value)
    if (known === 'state=' && state && !choices.state) choices.state = state
    else if (known === 'roles:' && role && !choices.role) choices.role = role
    else if (known === 'email_verified=' && /^(true|false)$/.test(value) && choices.verified === undefined)
      choices.verified = value === 'true'
    else if (known === 'create_time>' && !Number.isNaN(Date.parse(value)) && !choices.createdAfter)
      choices.createdAfter = value
    else choices.rest.push(condition)
  }
  return choices
}

/** @returns the filter that the choices stand for. */
export function filterOf({ state, role, verified, createdAfter, rest }: Choices): string {
  return [
    ...(state ? [`state = ${state}`] : []),
    ...(role ? [`roles:${role}`] : []),
    ...(verified === undefined ? [] : [`email_verified = ${verified}`]),
    ...(createdAfter ? [`create_time > "${createdAfter}"`] : []),
    ...rest,
  ].join(' AND ')
}
