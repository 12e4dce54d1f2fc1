/** The lines of a log tail: bounded, with a mark where lines were left out. Pure. */
import type { LogLine, WatchLogsResponse } from '@site11/proto/es/site11/console/v1/operations_service_pb.ts'

export type LogRow = { id: number; line: LogLine } | { id: number; skipped: number }

export interface LogBuffer {
  /** In the order they came. */
  rows: readonly LogRow[]
  /** How many rows there have been: the id of the next one. */
  count: number
  /** How many lines were left out in all. */
  skipped: number
}

/** As much as one scrolls through; the rest is for files. */
export const mostRows = 2_000

/** Takes an answer in. */
export function linesWith(buffer: LogBuffer | undefined, { lines, skipped }: WatchLogsResponse): LogBuffer {
  let id = buffer?.count ?? 0
  const left = Number(skipped)
  const news: LogRow[] = [
    ...(left > 0 ? [{ id: id++, skipped: left }] : []),
    ...lines.map(line => ({ id: id++, line })),
  ]
  return {
    rows: [...(buffer?.rows ?? []), ...news].slice(-mostRows),
    count: id,
    skipped: (buffer?.skipped ?? 0) + left,
  }
}
