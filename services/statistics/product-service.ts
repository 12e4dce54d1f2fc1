/** The methods of ProductService. */
import type { ProductServiceService } from '@site11/proto/grpc/site11/statistics/v1/product_service.ts'
import type { Call, Handlers } from '@site11/runtime/call.ts'
import { storeError } from '@site11/runtime/store/store-error.ts'
import { createFunnel, type Done, wayOf } from './funnel.ts'
import { checkEvent, requireSound, type TakenEvent } from './product-schema.ts'
import type { ProductStore } from './product-store.ts'
import { badField } from './query-plan.ts'
import { cohortsOf, offsetOf, periodAt, periodStart } from './retention.ts'

const dayMs = 86_400_000
const usualPeriods = 14

export const productService = (
  product: Omit<ProductStore, 'source'>,
  now: () => number,
): Handlers<typeof ProductServiceService> => ({
  async track({ events }, { caller }) {
    const nowMs = now()
    const schemas = await product.schemasOf(events.map(({ event }) => event))
    const user = caller.kind === 'user' ? caller.userId : ''
    const checked = events.map((event, index) => ({ index, ...checkEvent(event, schemas, user, nowMs) }))
    const refused = checked.flatMap(each => ('refused' in each ? [{ index: each.index, ...each.refused }] : []))
    const taken = checked.flatMap(each => ('taken' in each ? [each.taken] : []))
    const once = new Map<string, TakenEvent>(taken.toReversed().map(each => [each.id, each]))
    const known = await product.add([...once.values()])
    return { accepted: once.size - known, duplicates: taken.length - once.size + known, refused }
  },

  listEventSchemas: async () => ({ schemas: await product.schemas() }),

  async putEventSchema({ schema }) {
    if (!schema) throw new Error('The contract requires the schema.')
    requireSound(schema)
    await product.put(schema)
    return { schema }
  },

  async deleteEventSchema({ event }) {
    await product.remove(event)
    return {}
  },

  async queryFunnel({ events, startTime, endTime, within }, call) {
    const nowMs = now()
    const until = endTime ? Number(endTime) : nowMs
    const from = startTime ? Number(startTime) : until - 7 * dayMs
    if (until <= from) throw badField('end_time', 'It ends before it begins: end_time must be after start_time.')
    const withinMs = within ? within.seconds * 1000 + within.nanos / 1e6 : dayMs
    const funnel = createFunnel(events.length)
    for await (const done of waysOf(product, events, from, until + withinMs, call))
      funnel.add(wayOf(done, events, withinMs, until))
    return {
      steps: funnel.steps().map(({ subjects, medianMs }, index) => ({
        event: events[index] ?? '',
        subjects,
        median: { seconds: Math.floor(medianMs / 1000), nanos: (medianMs % 1000) * 1e6 },
      })),
    }
  },

  async queryRetention({ event, period, periods }, call) {
    const periodMs = (period?.seconds ?? 86_400) * 1000
    if (periodMs !== dayMs && periodMs !== 7 * dayMs)
      throw badField('period', 'A period is a day (86400s) or a week (604800s).')
    const last = periodAt(now(), periodMs)
    const first = last - (periods || usualPeriods) + 1
    const visits = await visitsOf(product, event, periodMs, first, call)
    return {
      cohorts: cohortsOf(visits, first, last).map((subjects, index) => ({
        startTime: new Date(periodStart(first + index, periodMs)),
        subjects,
      })),
    }
  },
})

/** What each subject did of these kinds, one subject after the other, however many there are. */
async function* waysOf(
  { events }: Pick<ProductStore, 'events'>,
  kinds: readonly string[],
  from: number,
  to: number,
  { signal }: Call,
): AsyncIterable<Done[]> {
  const wanted = { event: { $in: [...new Set(kinds)] }, at: { $gte: new Date(from), $lte: new Date(to) } }
  const stages = [
    { $match: wanted },
    { $project: { _id: 0, event: 1, at: 1, subject: 1 } },
    { $sort: { subject: 1, at: 1 } },
  ]
  const options = { allowDiskUse: true, batchSize: 5000, signal }
  let subject: string | undefined
  let done: Done[] = []
  try {
    for await (const next of events.aggregate<{ event: string; at: Date; subject: string }>(stages, options)) {
      if (next.subject !== subject && done.length > 0) {
        yield done
        done = []
      }
      subject = next.subject
      done.push({ event: next.event, at: Number(next.at) })
    }
  } catch (error) {
    throw storeError(error)
  }
  if (done.length > 0) yield done
}

/** @returns for each subject the periods from `first` on in which it was there; without those that were there before. */
async function visitsOf(
  { events }: Pick<ProductStore, 'events'>,
  event: string,
  periodMs: number,
  first: number,
  { signal }: Call,
): Promise<number[][]> {
  const period = { $floor: { $divide: [{ $subtract: [{ $toLong: '$at' }, offsetOf(periodMs)] }, periodMs] } }
  const stages = [
    { $match: event ? { event } : {} },
    { $group: { _id: '$subject', first: { $min: '$at' }, periods: { $addToSet: period } } },
    { $match: { first: { $gte: new Date(periodStart(first, periodMs)) } } },
    { $project: { _id: 0, periods: 1 } },
  ]
  try {
    const found = await events
      .aggregate<{ periods: number[] }>(stages, { allowDiskUse: true, batchSize: 5000, signal })
      .toArray()
    return found.map(({ periods }) => periods)
  } catch (error) {
    throw storeError(error)
  }
}
