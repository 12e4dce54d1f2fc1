import { readFileSync } from 'node:fs'
import { createFileRegistry, fromBinary } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { commentOf } from '@site11/proto/comments'
import { site11Descriptors } from '@site11/proto/descriptors'
import { AuthServiceService } from '@site11/proto/grpc/site11/console/v1/auth_service.ts'
import { UsersServiceService } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import { contractOf } from '@site11/runtime/contract.ts'
import { describe, expect, test } from 'vitest'
import { createDescriptorsFile, publicDescriptors } from './descriptors.ts'

const all = fromBinary(FileDescriptorSetSchema, readFileSync(site11Descriptors))
const before = createFileRegistry(all)
const after = createFileRegistry(publicDescriptors(all))

describe('the contracts as they are published', () => {
  test('leave out what is for services only', () => {
    const names = after.getService('site11.users.v1.UsersService')?.methods.map(({ name }) => name)
    expect(names).toContain('ListUsers')
    expect(names).not.toContain('VerifyPassword')
    expect(after.getService('site11.console.v1.RegistryService')?.methods.map(({ name }) => name)).not.toContain(
      'Attach',
    )
  })

  test('keep the comment of each thing with it', () => {
    for (const desc of after) {
      if (desc.kind !== 'service') continue
      const same = before.getService(desc.typeName)
      expect(commentOf(desc)).toBe(same && commentOf(same))
      for (const method of desc.methods) {
        const comment = commentOf(method)
        expect(comment, method.name).not.toBe('')
        expect(comment).toBe(commentOf(same?.methods.find(({ name }) => name === method.name) ?? method))
      }
    }
  })

  test('are a file that stays the same until a contract changes', () => {
    const file = createDescriptorsFile()
    const users = { name: 'users', contract: contractOf([UsersServiceService]) }
    const auth = { name: 'console', contract: contractOf([AuthServiceService]) }
    const first = file([users])
    expect(file([{ ...users }])).toBe(first)
    expect(file([users, auth]).etag).not.toBe(first.etag)
    const services = [...createFileRegistry(fromBinary(FileDescriptorSetSchema, file([users, auth]).body))]
    expect(services.flatMap(desc => (desc.kind === 'service' ? [desc.name] : []))).toEqual(
      expect.arrayContaining(['AuthService', 'UsersService']),
    )
  })
})
