/** The parts of a run, for each operation: the knees first, then rounds in which the systems take turns. */
import { chainUs, type Driver, type Measurement, type System } from './measure.ts'
import type { Operation } from './operations.ts'

export const concurrency = 32

/** One operation of one system. */
export interface Cell {
  system: System
  operation: Operation
  /** The highest rate that it bears, requests a second. */
  knee: number
  /** By round: the closed loop, for throughput and CPU. */
  closed: Measurement[]
  /** By round: the open loop at half of the knee, for latency. */
  open: Measurement[]
}

export interface Run {
  driver: Driver
  ids: string[]
  /** Seconds of each measurement. */
  seconds: number
  /** @returns a token that lives longer than one measurement of each cell. */
  login(): Promise<string>
  /** Removes what was created. */
  clean(): Promise<void>
  say(text: string): void
}

type Load = { concurrency: number } | { rate: number }

async function measure(run: Run, { system, operation }: Pick<Cell, 'system' | 'operation'>, token: string, load: Load) {
  const times = { warmMs: 300, measureMs: run.seconds * 1000 }
  const measurement = await run.driver.measure(system, { operation, token, ids: run.ids, load, ...times })
  if (operation === 'create') await run.clean()
  return measurement
}

/** What a system must do to bear a rate: answer nearly all in time, and not make a queue. */
const borne = ({ count, due, p95Ms, failures }: Measurement) =>
  count >= 0.97 * due && p95Ms <= 100 && Object.keys(failures).length === 0

/**
 * Warms a cell up and finds its knee: the highest rate that it bears, in tenths of what it does in a closed loop. Two steps in a
 * row that it does not bear end the search; a single one may be another process's doing.
 */
export async function findKnee(run: Run, system: System, operation: Operation): Promise<Cell> {
  const token = await run.login()
  const cell = { system, operation }
  await measure(run, cell, token, { concurrency })
  const { count, seconds } = await measure(run, cell, token, { concurrency })
  const capacity = count / seconds
  let knee = capacity / 10
  let missed = 0
  for (let tenth = 4; tenth <= 11 && missed < 2; tenth++) {
    const rate = (capacity * tenth) / 10
    if (borne(await measure(run, cell, token, { rate }))) {
      knee = rate
      missed = 0
    } else missed++
  }
  run.say(`${system.name}, ${operation}: ${Math.round(capacity)}/s in the closed loop, knee at ${Math.round(knee)}/s`)
  return { ...cell, knee, closed: [], open: [] }
}

/**
 * One round of an operation: each system in turn, beginning with another one each round.
 * @param isTimed whether a system is measured in the open loop too.
 */
export async function addRound(run: Run, cells: Cell[], round: number, isTimed: (system: System) => boolean) {
  const token = await run.login()
  for (let turn = 0; turn < cells.length; turn++) {
    const cell = cells[(turn + round) % cells.length] as Cell
    const measured = [await measure(run, cell, token, { concurrency })]
    cell.closed.push(...measured)
    if (isTimed(cell.system)) {
      const open = await measure(run, cell, token, { rate: cell.knee / 2 })
      cell.open.push(open)
      measured.push(open)
    }
    for (const [problem, count] of measured.flatMap(({ failures }) => Object.entries(failures))) {
      run.say(`${cell.system.name}, ${cell.operation}: ${count} failed: ${problem}`)
    }
  }
  const chains = cells.map(
    ({ system, closed }) => `${system.name} ${Math.round(chainUs(closed.at(-1) as Measurement))}`,
  )
  run.say(`round ${round + 1} of ${cells[0]?.operation}, CPU us a request: ${chains.join(' | ')}`)
}
