/** Dashboards: what they must be, and how they change. Pure. */
import {
  Dashboard,
  type Panel,
  type Variable,
  Visibility,
} from '@site11/proto/grpc/site11/statistics/v1/dashboards_service.ts'
import { type FieldViolation, invalidArgument, permissionDenied } from '@site11/runtime/errors.ts'
import { parseFilter } from '@site11/runtime/filter/parse.ts'
import { etagOf } from '@site11/runtime/store/etag.ts'
import { badField, maskedFields, type Resource } from '../resources.ts'
import { fillIn, namesIn } from './variables.ts'

type Content = Pick<Dashboard, 'title' | 'description' | 'panels' | 'variables' | 'visibility' | 'range'>

/** As it is kept. */
export interface DashboardDocument extends Resource, Omit<Content, 'range'> {
  range: Dashboard['range'] | null
  owner: string
}

export const columns = 12

/** @throws ServiceError INVALID_FIELD naming each place that is not right, below `root`. */
export function requireSound({ title, panels, variables }: Content, root = 'dashboard'): void {
  const violations: FieldViolation[] = []
  const wrong = (field: string, description: string) => violations.push({ field: `${root}.${field}`, description })
  if (title.trim() === '') wrong('title', 'A dashboard needs a title.')
  const names = new Set<string>()
  for (const [index, { name }] of variables.entries()) {
    if (names.has(name)) wrong(`variables[${index}].name`, `There are two variables ${name}: each needs its own name.`)
    names.add(name)
  }
  for (const [index, panel] of panels.entries()) {
    for (const [field, description] of panelProblems(panel, panels.slice(0, index), names))
      wrong(`panels[${index}].${field}`, description)
  }
  const [first] = violations
  if (first) throw invalidArgument('INVALID_FIELD', `${first.field}: ${first.description}`, violations)
}

function* panelProblems(panel: Panel, before: Panel[], variables: Set<string>): Iterable<[string, string]> {
  const { id, position, queries, thresholds } = panel
  if (before.some(other => other.id === id)) yield ['id', `There are two panels ${id}: each needs its own id.`]
  if (!position) yield ['position', 'A panel needs a position.']
  else {
    if (position.x + position.width > columns) yield ['position', `It is wider than the grid of ${columns} columns.`]
    const covered = before.find(other => covers(other, panel))
    if (covered) yield ['position', `It covers the panel ${covered.id}.`]
  }
  for (const [index, { filter }] of queries.entries()) {
    const unknown = namesIn(filter).find(name => !variables.has(name))
    if (unknown) yield [`queries[${index}].filter`, `There is no variable ${unknown}.`]
    const problem = filterProblem(filter)
    if (problem) yield [`queries[${index}].filter`, problem]
  }
  for (const [index, { value }] of thresholds.entries()) {
    const last = thresholds[index - 1]
    if (last && value <= last.value) yield [`thresholds[${index}].value`, 'Thresholds must rise.']
  }
}

/** @returns what is wrong with a filter, if anything. */
export function filterProblem(filter: string): string | undefined {
  try {
    parseFilter(fillIn(filter, {}))
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function covers({ position: one }: Panel, { position: other }: Panel): boolean {
  if (!one || !other) return false
  const meet = (from: number, size: number, otherFrom: number, otherSize: number) =>
    from < otherFrom + otherSize && otherFrom < from + size
  return meet(one.x, one.width, other.x, other.width) && meet(one.y, one.height, other.y, other.height)
}

/** @returns the document of a new dashboard. @throws ServiceError INVALID_FIELD. */
export function newDashboard(message: Content, owner: string, id: string, now: Date): DashboardDocument {
  const { title, description, panels, variables, visibility, range } = message
  requireSound(message)
  return {
    _id: id,
    title: title.trim(),
    description,
    panels,
    variables,
    visibility: visibility || Visibility.VISIBILITY_PRIVATE,
    range: range ?? null,
    owner,
    version: 1,
    createTime: now,
    updateTime: now,
  }
}

/** @returns what changes. @throws ServiceError INVALID_FIELD; PERMISSION_DENIED when somebody else than the owner makes it private. */
export function updateOf(
  before: DashboardDocument,
  message: Dashboard,
  mask: string[] | undefined,
  user: string,
): Partial<DashboardDocument> {
  const fields = maskedFields(mask, {
    title: message.title !== '',
    description: message.description !== '',
    panels: message.panels.length > 0,
    variables: message.variables.length > 0,
    visibility: message.visibility !== Visibility.VISIBILITY_UNSPECIFIED,
    range: message.range !== undefined,
  })
  const change: Partial<DashboardDocument> = {}
  for (const field of fields) {
    if (field === 'range') change.range = message.range ?? null
    else Object.assign(change, { [field]: field === 'title' ? message.title.trim() : message[field] })
  }
  if (change.visibility === Visibility.VISIBILITY_UNSPECIFIED)
    throw badField('dashboard.visibility', 'It is either private or shared.')
  if (change.visibility === Visibility.VISIBILITY_PRIVATE && before.owner !== user)
    throw permissionDenied('CALLER_NOT_ALLOWED', 'Only its owner can make a dashboard private.')
  requireSound(toDashboard({ ...before, ...change }))
  return change
}

export const toDashboard = (document: DashboardDocument): Dashboard =>
  Dashboard.fromPartial({
    id: document._id,
    title: document.title,
    description: document.description,
    panels: document.panels,
    variables: document.variables,
    visibility: document.visibility,
    ...(document.range && { range: document.range }),
    owner: document.owner,
    builtIn: false,
    createTime: document.createTime,
    updateTime: document.updateTime,
    etag: etagOf(document.version),
  })

/** @returns what filters of a dashboard's queries are filled in with: what was chosen, else what the dashboard has. */
export const chosen = (variables: Variable[], values: Record<string, string>): Record<string, string> =>
  Object.fromEntries(variables.map(({ name, value }) => [name, values[name] ?? value]))
