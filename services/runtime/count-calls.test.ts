import type { ReportCallsRequest } from '@site11/proto/grpc/site11/statistics/v1/statistics_service.ts'
import { expect, test } from 'vitest'
import { countCalls } from './count-calls.ts'
import { bucketOf } from './histogram.ts'

const everyMs = 3_600_000

function counting(isThere: () => boolean, answer: () => Promise<object> = async () => ({})) {
  const sent: ReportCallsRequest[] = []
  const counts = countCalls({
    instance: 'users-1',
    version: '1.2.3',
    send: request => {
      sent.push(request)
      return answer()
    },
    isThere,
    now: () => 5500,
    everyMs,
  })
  return { sent, counts }
}

test('calls that ended alike in a second are reported together, with how long they took where that counts', async () => {
  const { sent, counts } = counting(() => true)
  for (const ms of [1, 1, 20]) counts.count('/a.B/C', 'images', 0, ms)
  counts.count('/a.B/C', 'images', 14, 5)
  counts.count('/a.B/Watch', 'images', 0, undefined)
  await counts.close()
  expect(sent).toHaveLength(1)
  expect(sent[0]).toMatchObject({ instance: 'users-1', version: '1.2.3', dropped: 0 })
  expect(
    sent[0]?.calls.map(({ method, caller, status, requests, time }) => [
      method,
      caller,
      status,
      requests,
      Number(time),
    ]),
  ).toEqual([
    ['/a.B/C', 'images', 0, 3, 5000],
    ['/a.B/C', 'images', 14, 1, 5000],
    ['/a.B/Watch', 'images', 0, 1, 5000],
  ])
  expect(sent[0]?.calls[0]?.durations).toEqual([
    { bucket: bucketOf(1), count: 2 },
    { bucket: bucketOf(20), count: 1 },
  ])
  expect(sent[0]?.calls[2]?.durations).toEqual([])
})

test('nothing is kept for a Statistics that is not there, nor sent when nothing was called, nor said of reports themselves', async () => {
  let there = false
  const { sent, counts } = counting(() => there)
  counts.count('/a.B/C', 'images', 0, 1)
  await counts.close()
  there = true
  counts.count('/site11.statistics.v1.StatisticsService/ReportCalls', 'images', 0, 1)
  await counts.close()
  expect(sent).toEqual([])
})

test('what is of too many kinds, or could not be sent, is told as dropped', async () => {
  let fails = true
  const { sent, counts } = counting(
    () => true,
    async () => {
      if (fails) throw new Error('away')
      return {}
    },
  )
  for (let kind = 0; kind < 1500; kind++) counts.count(`/a.B/C${kind}`, 'images', 0, 1)
  await counts.close()
  expect(sent[0]?.calls).toHaveLength(1000)
  expect(sent[0]?.dropped).toBe(500)
  fails = false
  await counts.close()
  expect(sent[1]).toMatchObject({ calls: [], dropped: 1500 })
  await counts.close()
  expect(sent).toHaveLength(2)
})
