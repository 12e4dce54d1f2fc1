/**
 * What a widget must say, and what it must not. Pure. `npm run check` asks it of our own contracts, the Console of each that an instance
 * registers with. Whether there is the metric, only Statistics knows: the Overview says so in its place.
 */
import { type DescService, getOption } from '@bufbuild/protobuf'
import { type Widget, widget as widgetOption } from '@site11/proto/es/site11/types/v1/widget_pb.ts'
import { ServiceError } from '@site11/runtime/errors.ts'
import { parseFilter } from '@site11/runtime/filter/parse.ts'
import { ownerOf } from './descriptors.ts'
import { placeIn } from './policy-rules.ts'

export type WidgetProblem = { service: DescService; problem: string }

/** What fits in its place. */
const longestTitle = 60
const longestFilter = 1000
const languages = ['ko']

const metricForm = /^[a-z][a-z0-9_.]{0,127}$/
const labelForm = /^[a-z][a-z0-9_.]{0,63}$/

/** @returns all that is wrong with the widgets of these gRPC services, in their order. */
export function widgetProblems(services: readonly DescService[]): WidgetProblem[] {
  const titles = new Map<string, DescService>()
  return services.flatMap(service => {
    const owner = ownerOf(service.file.proto)
    return getOption(service, widgetOption).flatMap((widget, at) => {
      const named = widget.title ? `its widget "${widget.title}"` : `its widget ${at + 1}`
      const problems = ownProblems(widget)
      const title = `${owner} ${widget.title}`
      const other = titles.get(title)
      if (widget.title && other) problems.push(`has the title of another widget of ${owner}, in ${other.typeName}`)
      titles.set(title, other ?? service)
      return problems.map(problem => ({ service, problem: `${named} ${problem}` }))
    })
  })
}

/** @returns one line: file, line where it is known, gRPC service, what is wrong. */
export function describeWidgetProblem({ service, problem }: WidgetProblem): string {
  const { proto } = service.file
  return `${placeIn(proto, [6, proto.service.indexOf(service.proto)])}: ${service.typeName}: ${problem}`
}

function ownProblems({ title, titles, metric, filter, groupBy }: Widget): string[] {
  const problems: string[] = []
  if (!title.trim()) problems.push('has no title: say in English what it shows')
  for (const language of languages) {
    if (!titles[language]?.trim()) problems.push(`has no title in ${language}: add it to titles`)
  }
  for (const [language, text] of [['en', title] as const, ...Object.entries(titles)]) {
    if (text.length > longestTitle) problems.push(`has a title of ${text.length} characters (${language}): 60 fit`)
  }
  if (!metric) problems.push('has no metric: name the one that it shows')
  else if (!metricForm.test(metric)) problems.push(`shows "${metric}", which is not the form of a metric's name`)
  if (groupBy && !labelForm.test(groupBy)) problems.push(`has group_by "${groupBy}", which is not the form of a label`)
  if (filter.length > longestFilter)
    problems.push(`has a filter of ${filter.length} characters: ${longestFilter} may be`)
  const wrong = wrongIn(filter)
  if (wrong) problems.push(`has a filter that cannot be understood: ${wrong}`)
  return problems
}

function wrongIn(filter: string): string | undefined {
  try {
    parseFilter(filter)
  } catch (error) {
    if (error instanceof ServiceError) return error.message
    throw error
  }
}
