/**
 * A stream of events in Redis. It is a way and not a store: what no group has acknowledged yet stands in the outboxes too, from which the
 * relay makes the stream again when Redis has lost it.
 */
import { compareIds, type Redis, script } from './redis.ts'

/** What things are called in Redis. */
export const keys = {
  /** The set of all streams. */
  streams: 'events:streams',
  /** Entries have one field, `event`: a serialized site11.types.v1.Event. */
  stream: (stream: string) => `events:${stream}`,
  /** The set of groups that are to be forgotten. */
  deleted: (stream: string) => `events:${stream}:deleted`,
  /** A channel: ids of aggregates with new events. */
  hints: (stream: string) => `events:${stream}:hints`,
  /** What a group could not handle: a stream. */
  deadLetters: (stream: string, group: string) => `events:${stream}:dead:${group}`,
  /** What an operator wants of a group: a list. */
  commands: (stream: string, group: string) => `events:${stream}:commands:${group}`,
}

export const noId = '0-0'

const appendScript = script(`
local last = '0-0'
if redis.call('EXISTS', KEYS[1]) == 1 then
  local info = redis.call('XINFO', 'STREAM', KEYS[1])
  for i = 1, #info, 2 do if info[i] == 'last-generated-id' then last = info[i + 1] end end
end
if last ~= ARGV[1] then return {} end
local ids = {}
for i = 2, #ARGV do ids[#ids + 1] = redis.call('XADD', KEYS[1], '*', 'event', ARGV[i]) end
return ids`)

/**
 * Appends events, unless something else than expected is the last that was ever appended: then another relay is at work, or Redis has lost
 * something. So an order is never broken by a relay that slept.
 * @returns their ids; none when nothing was appended.
 */
export async function append(redis: Redis, stream: string, lastId: string, events: Buffer[]): Promise<string[]> {
  return (await appendScript(redis, [keys.stream(stream)], [lastId, ...events])) as string[]
}

export interface GroupState {
  group: string
  /** The last that was given to it. */
  lastId: string
  /** Not given to it yet. */
  lag: number
  /** Given to it and not acknowledged. */
  pending: number
  /** The oldest that it has not acknowledged; empty when there is none. */
  oldestId: string
}

export interface StreamState {
  /** The last that was ever appended; `0-0` when the stream is new or lost. */
  lastId: string
  length: number
  /** How many were ever appended. */
  appended: number
  groups: GroupState[]
}

const stateScript = script(`
if redis.call('EXISTS', KEYS[1]) == 0 then return {'0-0', 0, {}, 0} end
local info, last = redis.call('XINFO', 'STREAM', KEYS[1]), '0-0'
local length, appended = 0, 0
for i = 1, #info, 2 do
  if info[i] == 'last-generated-id' then last = info[i + 1] end
  if info[i] == 'length' then length = info[i + 1] end
  if info[i] == 'entries-added' then appended = info[i + 1] end
end
local groups = {}
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local of = {}
  for i = 1, #group, 2 do of[group[i]] = group[i + 1] end
  local pending = redis.call('XPENDING', KEYS[1], of['name'])
  local oldest = pending[2] or ''
  local next = redis.call('XRANGE', KEYS[1], '(' .. of['last-delivered-id'], '+', 'COUNT', 1)
  if oldest == '' and #next > 0 then oldest = next[1][1] end
  local lag = of['lag']
  if not lag then lag = #next > 0 and -1 or 0 end
  groups[#groups + 1] = {of['name'], of['last-delivered-id'], lag, pending[1], oldest}
end
return {last, length, groups, appended}`)

/** @returns all of it as of one moment. */
export async function stateOf(redis: Redis, stream: string): Promise<StreamState> {
  const answer = await stateScript(redis, [keys.stream(stream)], [])
  const [lastId, length, groups, appended] = answer as [
    string,
    number,
    [string, string, number, number, string][],
    number,
  ]
  return {
    lastId,
    length,
    appended,
    groups: groups.map(([group, lastId, lag, pending, oldestId]) => ({
      group,
      lastId,
      // Redis cannot tell after a group was set back: at most all that there are.
      lag: lag < 0 ? length : lag,
      pending,
      oldestId,
    })),
  }
}

/** @returns the first id that some group has not acknowledged; undefined when there is no group. Everything before it is done with. */
export function floorOf({ groups }: StreamState): string | undefined {
  const floors = groups.map(({ lastId, pending, oldestId }) => (pending > 0 ? oldestId : nextId(lastId)))
  return floors.sort(compareIds)[0]
}

export function nextId(id: string): string {
  const [ms = '0', count = '0'] = id.split('-')
  return `${ms}-${Number(count) + 1}`
}

const trimAtOnce = 2000

const placeScript = script(`
local entries = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', ARGV[1])
return #entries > 0 and entries[#entries][1] or ''`)

/** Trims a stream towards so many entries, some at a time, and never one that a group has not acknowledged. */
export async function trim(redis: Redis, stream: string, state: StreamState, kept: number): Promise<void> {
  const excess = Math.min(state.length - kept, trimAtOnce)
  if (excess <= 0) return
  const place = (await placeScript(redis, [keys.stream(stream)], [excess + 1])) as string
  const floor = floorOf(state) ?? nextId(state.lastId)
  const [point] = [place, floor].sort(compareIds)
  if (point) await redis.call('XTRIM', [keys.stream(stream), 'MINID', '=', point])
}

/** Makes a group that begins with the oldest event kept, unless there is one. */
export async function ensureGroup(redis: Redis, stream: string, group: string): Promise<void> {
  try {
    await redis.call('XGROUP', ['CREATE', keys.stream(stream), group, '0', 'MKSTREAM'])
  } catch (error) {
    if (!String(error).includes('BUSYGROUP')) throw error
  }
}
