/**
 * Product events and their schemas in MongoDB.
 *
 *   product_events   { _id: <id>, event, at, minute, subject, properties, pending }   for 400 days; the id makes each count once
 *   event_schemas    { _id: <event>, description, properties, isDeleted }
 *
 * It is no time-series collection, as those have no unique ids. A schema that is deleted stays for the metrics of what was taken in.
 */
import type { EventSchema } from '@site11/proto/grpc/site11/statistics/v1/product_service.ts'
import { failedPrecondition, notFound } from '@site11/runtime/errors.ts'
import type { Log } from '@site11/runtime/log.ts'
import { ensureIndexes } from '@site11/runtime/store/indexes.ts'
import { duplicatesIn, storeError } from '@site11/runtime/store/store-error.ts'
import type { Collection, Db } from 'mongodb'
import {
  addBucket,
  addValue,
  type Block,
  cleanLabel,
  closeMinute,
  emptyBlock,
  type Stat,
  seriesKey,
  statIn,
} from './block.ts'
import type { MetricInfo } from './catalogue.ts'
import { bucketOfValue } from './metric-buckets.ts'
import { counterName, metricsOf, type Properties, type TakenEvent, valueName } from './product-schema.ts'
import type { Raw, RawSource } from './rollup.ts'
import { pendingIndex } from './rollup-store.ts'

export interface EventDocument extends Raw {
  event: string
  at: Date
  subject: string
  properties: Properties
}

interface SchemaDocument {
  _id: string
  description: string
  properties: EventSchema['properties']
  isDeleted: boolean
}

export interface ProductStore {
  source: RawSource
  events: Collection<EventDocument>
  /** The metrics of all schemas, as far as this instance has learnt of them. */
  declared(): Iterable<MetricInfo>
  /** Learns what was declared elsewhere. @throws what MongoDB says. */
  refresh(): Promise<void>
  /** @returns those that are not deleted, sorted, as the database has them now. @throws ServiceError DEPENDENCY_UNAVAILABLE. */
  schemas(): Promise<EventSchema[]>
  /** @returns those of some kinds that there are; perhaps as they were some seconds ago. @throws ServiceError DEPENDENCY_UNAVAILABLE. */
  schemasOf(kinds: Iterable<string>): Promise<ReadonlyMap<string, EventSchema>>
  /** @throws ServiceError TOO_MANY, DEPENDENCY_UNAVAILABLE. */
  put(schema: EventSchema): Promise<void>
  /** @throws ServiceError NOT_FOUND, DEPENDENCY_UNAVAILABLE. */
  remove(event: string): Promise<void>
  /** Stores events. @returns how many of them were there already. @throws ServiceError DEPENDENCY_UNAVAILABLE. */
  add(events: readonly TakenEvent[]): Promise<number>
}

export const keptS = 400 * 86_400
const mostSchemas = 200
/** As many series as a metric may have in a minute. */
const mostSeries = 1000

export async function openProduct(db: Db, log: Log): Promise<ProductStore> {
  const events = db.collection<EventDocument>('product_events')
  const schemas = db.collection<SchemaDocument>('event_schemas')
  const indexes = [
    { name: 'age', key: { at: 1 } as Record<string, 1>, expireAfterSeconds: keptS },
    // Funnels and retention are answered from these alone.
    { name: 'kind', key: { event: 1, at: 1, subject: 1 } as Record<string, 1> },
    { name: 'subject', key: { subject: 1, at: 1 } as Record<string, 1> },
  ]
  await ensureIndexes(events, [...indexes, pendingIndex('minute')], log)
  let known: SchemaDocument[] = []

  async function refresh() {
    known = await schemas.find().sort({ _id: 1 }).toArray()
  }
  const orStoreError = (error: unknown) => {
    throw storeError(error)
  }

  return {
    events,
    declared: () => known.flatMap(each => metricsOf(schemaOf(each))),
    refresh,
    async schemas() {
      await refresh().catch(orStoreError)
      return living(known)
    },
    async schemasOf(kinds) {
      const wanted = new Set(kinds)
      const here = () => new Map(living(known).map(each => [each.event, each]))
      const found = here()
      if ([...wanted].every(kind => found.has(kind))) return found
      await refresh().catch(orStoreError)
      return here()
    },
    async put({ event: _id, description, properties }) {
      try {
        const others = await schemas.countDocuments({ _id: { $ne: _id } })
        if (others >= mostSchemas)
          throw failedPrecondition('TOO_MANY', `There are ${mostSchemas} kinds of events already. Use one of them.`)
        await schemas.replaceOne({ _id }, { description, properties, isDeleted: false }, { upsert: true })
        await refresh()
      } catch (error) {
        orStoreError(error)
      }
    },
    async remove(event) {
      const change = { $set: { isDeleted: true } }
      const { matchedCount } = await schemas.updateOne({ _id: event, isDeleted: false }, change).catch(orStoreError)
      if (matchedCount === 0) throw notFound('schema', event)
      await refresh().catch(orStoreError)
    },
    async add(taken) {
      if (taken.length === 0) return 0
      const documents = taken.map(({ id, at, ...rest }) => ({
        _id: id,
        at,
        minute: new Date(Math.floor(Number(at) / 60_000) * 60_000),
        ...rest,
        pending: '',
      }))
      try {
        await events.insertMany(documents, { ordered: false })
        return 0
      } catch (error) {
        const known = duplicatesIn(error)
        if (known === undefined) throw storeError(error)
        return known
      }
    },
    source: {
      collection: events as unknown as Collection<Raw>,
      keptS,
      async blocksOf(minute) {
        await refresh()
        const start = Number(minute) / 1000
        const metrics = new Map(known.map(each => [each._id, metricsOf(schemaOf(each))]))
        const blocks = new Map<string, Block>()
        const at = { $gte: minute, $lt: new Date(Number(minute) + 60_000) }
        const projection = { event: 1, properties: 1 }
        for await (const { event, properties } of events.find({ at }, { projection }).sort({ at: 1, _id: 1 }))
          for (const info of metrics.get(event) ?? []) {
            const value =
              info.name === counterName(event) ? undefined : properties[info.name.slice(valueName(event, '').length)]
            if (info.kind === 'distribution' && typeof value !== 'number') continue
            const block = blocks.get(info.name) ?? emptyBlock({ ...info, metric: info.name }, start)
            blocks.set(info.name, block)
            const key = seriesKey(info.labels.map(label => cleanLabel(String(properties[label] ?? ''))))
            const stat = statIn(block, key, 1, mostSeries)
            if (stat) addEvent(stat, value)
          }
        return [...blocks.values()].map(closeMinute)
      },
    },
  }
}

function addEvent(stat: Stat, value: Properties[string] | undefined): void {
  if (typeof value !== 'number') {
    stat.count++
    return
  }
  addValue(stat, value)
  addBucket(stat, bucketOfValue(value), 1)
}

const schemaOf = ({ _id, description, properties }: SchemaDocument): EventSchema => ({
  event: _id,
  description,
  properties,
})

const living = (schemas: SchemaDocument[]) => schemas.filter(({ isDeleted }) => !isDeleted).map(schemaOf)
