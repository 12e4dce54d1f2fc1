import { create, toBinary } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import { ErrorInfoSchema } from './gen/es/google/rpc/error_details_pb.ts'
import { UserSchema } from './gen/es/site11/users/v1/user_pb.ts'
import { ErrorInfo } from './gen/grpc/google/rpc/error_details.ts'
import { User } from './gen/grpc/site11/users/v1/user.ts'

test('entries of maps are written whole, empty values and keys too: the proxy crashes on others', () => {
  const profile = { company: '', phone: '1', '': '' }
  const user = User.encode(User.fromPartial({ profile })).finish()
  expect(Buffer.from(user)).toEqual(Buffer.from(toBinary(UserSchema, create(UserSchema, { profile }))))
  const info = { reason: 'ACCOUNT_DISABLED', domain: 'site11', metadata: { until: '' } }
  expect(Buffer.from(ErrorInfo.encode(info).finish())).toEqual(
    Buffer.from(toBinary(ErrorInfoSchema, create(ErrorInfoSchema, info))),
  )
})
