import { create } from '@bufbuild/protobuf'
import { WatchLogsResponseSchema } from '@site11/proto/es/site11/console/v1/operations_service_pb.ts'
import { expect, test } from 'vitest'
import { type LogBuffer, linesWith, mostRows } from './log-buffer.ts'

const answer = (messages: string[], skipped = 0) =>
  create(WatchLogsResponseSchema, { lines: messages.map(message => ({ message })), skipped: BigInt(skipped) })
const said = ({ rows }: LogBuffer) => rows.map(row => ('line' in row ? row.line.message : row.skipped))

test('lines follow each other, with a mark where some were left out', () => {
  const buffer = linesWith(linesWith(undefined, answer(['a', 'b'])), answer(['c'], 7))
  expect(said(buffer)).toEqual(['a', 'b', 7, 'c'])
  expect(buffer.skipped).toBe(7)
  expect(buffer.rows.map(({ id }) => id)).toEqual([0, 1, 2, 3])
})

test('the oldest lines are forgotten, and the ids of the others stay', () => {
  const many = Array.from({ length: mostRows }, (_, index) => String(index))
  const buffer = linesWith(linesWith(undefined, answer(['first'])), answer(many))
  expect(buffer.rows).toHaveLength(mostRows)
  expect(buffer.rows[0]).toMatchObject({ id: 1, line: { message: '0' } })
  expect(buffer.count).toBe(mostRows + 1)
})
