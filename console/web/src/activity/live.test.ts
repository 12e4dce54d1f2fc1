import { create } from '@bufbuild/protobuf'
import { ChangeSchema, WatchChangesResponseSchema } from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import { expect, test } from 'vitest'
import { stateAfter } from '../mesh/change.ts'
import { mostNew, newChangesWith } from './live.ts'
import { gist, nameOf } from './words.ts'

const message = (id?: number) =>
  create(WatchChangesResponseSchema, id === undefined ? {} : { change: { id: BigInt(id), action: 'instance.left' } })

test('what is new comes first, each once, and the first message has none', () => {
  const messages = [message(), message(1), message(2), message(2), message(3)]
  const state = messages.reduce(newChangesWith, undefined as ReturnType<typeof newChangesWith> | undefined)
  expect(state).toMatchObject({ changes: [{ id: 3n }, { id: 2n }, { id: 1n }], cut: false })
})

test('what is kept of the new is bounded, and says so', () => {
  let state = newChangesWith(undefined, message())
  for (let id = 1; id <= mostNew + 5; id++) state = newChangesWith(state, message(id))
  expect(state.changes).toHaveLength(mostNew)
  expect(state.changes[0]?.id).toBe(BigInt(mostNew + 5))
  expect(state.cut).toBe(true)
})

test('a change says what it is at a glance', () => {
  const health = (after: string) =>
    create(ChangeSchema, { action: 'instance.health', fields: [{ field: 'health', before: 'unknown', after }] })
  expect([stateAfter(health('healthy')), stateAfter(health('failing'))]).toEqual(['healthy', 'failing'])
  expect(stateAfter(create(ChangeSchema, { action: 'proxy.refused' }))).toBe('failing')
  expect(stateAfter(create(ChangeSchema, { action: 'service.traffic' }))).toBeUndefined()
  expect(gist(health('failing'))).toBe('health: unknown → failing')
  expect(nameOf('instances/users-1')).toBe('users-1')
  expect(nameOf(`keys/${'a'.repeat(43)}`)).toBe('…aaaaaaaa')
})
