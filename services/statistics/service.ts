/** The methods of Statistics. */
import { Dimension, type StatisticsServiceService } from '@site11/proto/grpc/site11/statistics/v1/statistics_service.ts'
import type { Handlers } from '@site11/runtime/call.ts'
import { invalidArgument } from '@site11/runtime/errors.ts'
import type { Feeds } from './feed.ts'
import { coarseS, fineS } from './history.ts'
import { statusNames } from './outcome.ts'
import type { Recorder } from './recorder.ts'

export interface Deps {
  feeds: Feeds
  recorder: Recorder
  /** Resolves when what was stored before is there, or is not to be had. */
  ready: Promise<void>
}

const defaultRangeS = 15 * 60
const defaultStepS = 10

export const statisticsService = ({ feeds, recorder, ready }: Deps): Handlers<typeof StatisticsServiceService> => ({
  async *watchSignals({ groupBy, service, range, step }, { signal }) {
    const rangeS = range ? range.seconds + range.nanos / 1e9 : defaultRangeS
    const stepS = step?.seconds ?? defaultStepS
    if (step && step.nanos !== 0) throw badField('step', 'The step must be of whole seconds.')
    if (rangeS > fineS && stepS % coarseS !== 0) {
      throw badField(
        'step',
        `A range of more than ${fineS} s is known in steps of ${coarseS} s only: ask for such a step, or a multiple of it.`,
      )
    }
    await ready
    const wanted = groupBy.length > 0 ? groupBy : [Dimension.DIMENSION_SERVICE]
    yield* feeds.watch({ groupBy: wanted, service, stepS }, rangeS, signal)
  },

  async reportCalls({ instance, version, calls, dropped }, { caller }) {
    const service = caller.kind === 'service' ? caller.service : ''
    const foreign = calls.find(({ method }) => !method.startsWith(`/site11.${service}.`))
    if (foreign) throw badField('calls', `${foreign.method} is no method of ${service}, which reports it.`)
    for (const { time, method, caller, status, requests, durations } of calls) {
      const labels = [service, method, instance, version, caller, 'grpc', statusNames[status] ?? 'UNKNOWN']
      recorder.record({ labels, endMs: Number(time), requests, buckets: durations })
    }
    recorder.drop(dropped)
    return {}
  },
})

const badField = (field: string, description: string) =>
  invalidArgument('INVALID_FIELD', description, [{ field, description }])
