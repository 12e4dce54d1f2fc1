/** What of all that can be done is shown for what is typed, the best first. Pure. */
import { type Command, type GroupName, groups } from './commands.ts'
import { fit } from './match.ts'

export interface Ranked {
  group: GroupName
  commands: Command[]
}

/** So many of each group, so that none hides the others: without a word, and with one. */
const mostUnasked = 6
const mostAsked = 12
/** Without a word, methods and actions on single things would only be a wall. */
const unasked: readonly GroupName[] = ['page', 'pages', 'services', 'actions']

/** @param recent ids of what was done lately, the last first: shown first while nothing is typed, and preferred after. */
export function ranked(commands: readonly Command[], typed: string, recent: readonly string[]): Ranked[] {
  const unique = [...new Map(commands.map(command => [command.id, command])).values()]
  if (typed.trim() === '') {
    const lately = recent.flatMap(id => unique.find(command => command.id === id) ?? [])
    const rest = unique.filter(command => !lately.includes(command))
    return nonEmpty([
      { group: 'recent', commands: lately },
      ...unasked.map(group => ({
        group,
        commands: rest
          .filter(command => command.group === group)
          .slice(0, group === 'pages' || group === 'page' ? undefined : mostUnasked),
      })),
    ])
  }
  const scored = unique
    .map(command => {
      const score = fit(typed, command.title, command.words)
      return { command, score: score > 0 && recent.includes(command.id) ? score + 0.5 : score }
    })
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score)
  const found = groups.map(group => {
    const own = scored.filter(({ command }) => command.group === group).slice(0, mostAsked)
    return { group, best: own[0]?.score ?? 0, commands: own.map(({ command }) => command) }
  })
  return nonEmpty(found.sort((a, b) => b.best - a.best).map(({ group, commands }) => ({ group, commands })))
}

const nonEmpty = (all: Ranked[]) => all.filter(({ commands }) => commands.length > 0)
