/** What product events may hold, and what they count as. Pure. */
import {
  type EventSchema,
  type ProductEvent,
  PropertyType,
  type RefusedEvent,
} from '@site11/proto/grpc/site11/statistics/v1/product_service.ts'
import { type MetricInfo, nearest } from './catalogue.ts'
import { badField } from './query-plan.ts'

export type Properties = Record<string, string | number | boolean>

/** An event that is as its schema says. */
export interface TakenEvent {
  id: string
  event: string
  at: Date
  subject: string
  properties: Properties
}

type Refusal = Omit<RefusedEvent, 'index'>

/** How long ago an event may have happened. ms. */
export const oldestMs = 48 * 3_600_000
const longestText = 256
const mostLabels = 5

const typeNames: Record<number, string> = {
  [PropertyType.PROPERTY_TYPE_STRING]: 'string',
  [PropertyType.PROPERTY_TYPE_NUMBER]: 'number',
  [PropertyType.PROPERTY_TYPE_BOOLEAN]: 'boolean',
}

/** @throws ServiceError INVALID_FIELD when a schema says what cannot be. */
export function requireSound({ properties }: EventSchema): void {
  const names = properties.map(({ name }) => name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice) throw badField('schema.properties', `The property ${twice} is there more than once.`)
  const number = properties.find(each => each.isLabel && each.type === PropertyType.PROPERTY_TYPE_NUMBER)
  if (number)
    throw badField('schema.properties', `${number.name} is a number: only strings and booleans can be labels.`)
  if (labelsOf(properties).length > mostLabels)
    throw badField('schema.properties', `There are more than ${mostLabels} labels.`)
}

export const labelsOf = (properties: EventSchema['properties']): string[] =>
  properties.filter(({ isLabel }) => isLabel).map(({ name }) => name)

export const counterName = (event: string): string => `product.${event}`
export const valueName = (event: string, property: string): string => `product.${event}.${property}`

/** @returns the metrics that events of a schema are counted in. */
export function metricsOf({ event, description, properties }: EventSchema): MetricInfo[] {
  const labels = labelsOf(properties)
  const counter = { name: counterName(event), description, kind: 'counter' as const, unit: '{event}', labels }
  const values = properties.filter(({ type }) => type === PropertyType.PROPERTY_TYPE_NUMBER)
  return [
    counter,
    ...values.map(({ name, unit }) => ({
      name: valueName(event, name),
      description: `${name} of ${event}`,
      kind: 'distribution' as const,
      unit: unit || '1',
      labels,
    })),
  ]
}

/**
 * @param caller the id of the user that calls; empty when it is a service.
 * @returns the event as it is kept, or why it is refused.
 */
export function checkEvent(
  { id, event, time, subject, properties }: ProductEvent,
  schemas: ReadonlyMap<string, EventSchema>,
  caller: string,
  nowMs: number,
): { taken: TakenEvent } | { refused: Refusal } {
  const refused = (reason: string, message: string) => ({ refused: { reason, message } })
  const schema = schemas.get(event)
  if (!schema) {
    const near = nearest(event, [...schemas.keys()]).join(', ')
    const hint = near ? ` Those most like it are ${near}.` : ''
    return refused('UNKNOWN_EVENT', `Nobody has declared events of the kind ${event}: put its schema first.${hint}`)
  }
  const who = subject || caller
  if (!who) return refused('SUBJECT_MISSING', 'A service says in subject who did it.')
  const at = Math.min(time ? Number(time) : nowMs, nowMs)
  if (at < nowMs - oldestMs)
    return refused('TOO_OLD', 'It happened more than 48 hours ago. Send events within that time.')
  const found: Properties = {}
  for (const [name, value] of Object.entries(properties ?? {})) {
    const property = schema.properties.find(each => each.name === name)
    if (!property) return refused('UNKNOWN_PROPERTY', `The schema of ${event} has no property ${name}.`)
    if (value === null) continue
    const type = typeNames[property.type]
    if (typeof value !== type || (typeof value === 'number' && !Number.isFinite(value)))
      return refused('WRONG_PROPERTY_TYPE', `The property ${name} of ${event} is a ${type}.`)
    if (typeof value === 'string' && value.length > longestText)
      return refused('WRONG_PROPERTY_TYPE', `The property ${name} has more than ${longestText} characters.`)
    found[name] = value as string | number | boolean
  }
  const missing = schema.properties.find(({ name, required }) => required && !Object.hasOwn(found, name))
  if (missing) return refused('PROPERTY_MISSING', `Events of the kind ${event} need the property ${missing.name}.`)
  return { taken: { id: id.toLowerCase(), event, at: new Date(at), subject: who, properties: found } }
}
