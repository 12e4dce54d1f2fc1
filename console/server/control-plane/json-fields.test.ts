import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { describe, expect, it } from 'vitest'
import { contractsFrom } from './contract.ts'
import { unknownFieldsFilter } from './json-fields.ts'
import { usersContract } from './testbed.ts'

const contracts = (contract: Uint8Array) => contractsFrom([{ name: 'users', contract }])

/** That the filter does what it should on real bodies is shown in envoy-requests.test.ts. */
describe('the fields of JSON bodies', () => {
  it('are known by both their names, with what they hold', () => {
    const { jsonFields } = contracts(usersContract)
    const user = jsonFields.get('site11.users.v1.User')
    expect(user?.get('displayName')).toEqual({ kind: 'unchecked' })
    expect(user?.get('display_name')).toEqual({ kind: 'unchecked' })
    expect(user?.get('createTime')).toEqual({ kind: 'unchecked' })
    expect(jsonFields.get('site11.users.v1.CreateUserRequest')?.get('user')).toEqual({
      kind: 'message',
      message: 'site11.users.v1.User',
    })
  })

  it('are those of the message that the rule says is the body', () => {
    const { methods } = contracts(usersContract)
    const body = (name: string) => methods.find(method => method.path.endsWith(`/${name}`))?.bindings[0]?.body
    expect(body('CreateUser')).toBe('site11.users.v1.CreateUserRequest')
    expect(body('UpdateUser')).toBe('site11.users.v1.User')
    expect(body('GetUser')).toBeUndefined()
  })

  it('make the same filter every time, and nothing in a contract is taken for code', () => {
    const set = fromBinary(FileDescriptorSetSchema, usersContract)
    const message = set.file.flatMap(file => file.messageType).find(each => each.name === 'CreateUserRequest')
    const field = message?.field[0] ?? expect.fail()
    field.jsonName = 'x"]=os.exit() --\n\\'
    const hostile = contracts(toBinary(FileDescriptorSetSchema, set))
    const source = unknownFieldsFilter(hostile.methods, hostile.jsonFields)
    expect(source).not.toContain('os.exit')
    expect(source).toContain('x\\034\\093\\061os\\046exit')
    expect(unknownFieldsFilter(hostile.methods.toReversed(), hostile.jsonFields)).toBe(source)
  })
})
