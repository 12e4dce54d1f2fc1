/**
 * The process that puts load on the systems, apart from the one that reads their CPU time. It takes one job at a time over the
 * channel to its parent and answers `begun` and `ended` at the edges of the measured time, then `result`.
 */
import { randomUUID } from 'node:crypto'
import { GetUserRequest, UsersServiceService } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import { grpcSender } from './load/grpc.ts'
import { closedLoop, type LoopResult, openLoop, type Timing } from './load/loops.ts'
import { restSender } from './load/rest.ts'
import { createdPrefix, type Operation } from './operations.ts'

export interface Job {
  operation: Operation
  /** `http://host:port` of the edge. */
  base: string
  token: string
  /** Ids of users to read at random. */
  ids: string[]
  /** Closed loop with so many requests under way, or open loop at so many a second. */
  load: { concurrency: number } | { rate: number }
  warmMs: number
  measureMs: number
}

export type DriverMessage = { type: 'begun' | 'ended' } | { type: 'result'; result: LoopResult }

function senderOf({ operation, base, token, ids }: Job) {
  const anyId = () => ids[Math.floor(Math.random() * ids.length)] ?? ''
  switch (operation) {
    case 'read':
      return restSender(base, token, () => ({ method: 'GET', path: `/api/v1/users/${anyId()}` }))
    case 'list':
      return restSender(base, token, () => ({ method: 'GET', path: '/api/v1/users?pageSize=20' }))
    case 'create':
      return restSender(base, token, () => {
        const user = { email: `${createdPrefix}${randomUUID()}@example.com`, displayName: 'Created By Bench' }
        return { method: 'POST', path: '/api/v1/users', body: JSON.stringify({ user }) }
      })
    case 'grpc-read':
      return grpcSender(base, token, UsersServiceService.getUser.path, () =>
        GetUserRequest.encode({ id: anyId() }).finish(),
      )
  }
}

async function run(job: Job) {
  const tell = (message: DriverMessage) => process.send?.(message)
  const timing: Timing = {
    warmMs: job.warmMs,
    measureMs: job.measureMs,
    begin: () => tell({ type: 'begun' }),
    end: () => tell({ type: 'ended' }),
  }
  const { send, close } = senderOf(job)
  const { load } = job
  const result =
    'rate' in load ? await openLoop(send, load.rate, timing) : await closedLoop(send, load.concurrency, timing)
  close()
  tell({ type: 'result', result })
}

if (process.send) {
  process.on('message', job => void run(job as Job))
  process.on('disconnect', () => process.exit())
}
