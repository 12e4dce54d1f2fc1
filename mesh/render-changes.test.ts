import { stripVTControlCharacters } from 'node:util'
import { Change } from '@site11/proto/grpc/site11/console/v1/diagnostics_service.ts'
import { expect, test } from 'vitest'
import { changeJson, renderChange } from './render-changes.ts'

const change = Change.fromPartial({
  id: 41,
  time: new Date(2026, 0, 2, 3, 4, 5, 6),
  actor: 'users/u1',
  action: 'instance.drained',
  subject: 'instances/users-1',
  fields: [
    { field: 'contractHash', before: 'a'.repeat(64), after: 'b'.repeat(64) },
    { field: 'drainedBy', after: 'users/u1' },
    { field: 'healthReason', before: 'cannot be reached', after: '' },
    { field: 'zone', before: 'a' },
  ],
  reason: 'new kernel \u001b[2J',
  duration: { seconds: 75, nanos: 0 },
  hash: 'c'.repeat(64),
})

test('a change tells when, who, what, the fields before and after, and why', () => {
  expect(stripVTControlCharacters(renderChange(change, 80)).split('\n')).toEqual([
    '2026-01-02 03:04:05.006  #41  users/u1  instance.drained  instances/users-1  after 1m 15s',
    '    contractHash aaaaaaaaaaaa → bbbbbbbbbbbb; drainedBy = users/u1; healthReason',
    '    cannot be reached → ""; zone was a',
    '    because new kernel ?[2J',
  ])
})

test('for programs it is one line of JSON', () => {
  const line = changeJson(change)
  expect(line).not.toContain('\n')
  expect(JSON.parse(line)).toMatchObject({ id: 41, action: 'instance.drained', duration: '75s', hash: 'c'.repeat(64) })
})
