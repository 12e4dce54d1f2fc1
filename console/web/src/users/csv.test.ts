import { create } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { UserSchema, UserState } from '@site11/proto/es/site11/users/v1/user_pb.ts'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cell, csvHead, csvLines } from './csv.ts'

test('a user is a line, in UTF-8 with its mark before the first', () => {
  const user = create(UserSchema, {
    id: '1',
    email: 'kim@example.com',
    displayName: '김철수, "부장"',
    state: UserState.ACTIVE,
    roles: ['admin', 'user'],
    createTime: timestampFromDate(new Date(0)),
  })
  expect([...new TextEncoder().encode(csvHead)].slice(0, 3)).toEqual([0xef, 0xbb, 0xbf])
  expect(csvHead.split(',')).toHaveLength(13)
  expect(csvLines([user])).toBe(
    '1,kim@example.com,"김철수, ""부장""",ACTIVE,admin user,false,,,,,1970-01-01T00:00:00.000Z,,\r\n',
  )
})

test.each(['=1+1', '+1', '-1', '@SUM(A1)', '＝1+1', '\t=1', ' =1', '\r=1'])('%j runs nothing', value => {
  expect(cell(value).replace(/^"/, '')).toMatch(/^'/)
})

/** RFC 4180 read back. */
function parse(text: string): string[] {
  return [...text.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^",\r\n]*))/g)].map(([, quoted, plain]) =>
    quoted === undefined ? (plain ?? '') : quoted.replaceAll('""', '"'),
  )
}

test('any value is one cell, and comes back but for the apostrophe', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), value => {
      expect(parse(cell(value)).map(read => read.replace(/^'/, ''))).toEqual([value.replace(/^'/, '')])
    }),
  )
})
