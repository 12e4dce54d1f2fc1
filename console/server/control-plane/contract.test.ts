import { create, createFileRegistry, fromBinary, setExtension, toBinary } from '@bufbuild/protobuf'
import {
  FileDescriptorProtoSchema,
  type FileDescriptorSet,
  FileDescriptorSetSchema,
  FileOptionsSchema,
} from '@bufbuild/protobuf/wkt'
import { http } from '@site11/proto/es/google/api/annotations_pb.ts'
import { HttpRuleSchema } from '@site11/proto/es/google/api/http_pb.ts'
import { MethodPolicySchema, method as policyOption } from '@site11/proto/es/site11/policy/v1/policy_pb.ts'
import { describe, expect, it } from 'vitest'
import { contractsFrom } from './contract.ts'
import { type ServiceState, StateError } from './state.ts'
import { consoleContract, usersContract } from './testbed.ts'

const users: ServiceState = { name: 'users', contract: usersContract, instances: [] }
const console: ServiceState = { name: 'console', contract: consoleContract, instances: [] }

const read = (contract: Uint8Array) => fromBinary(FileDescriptorSetSchema, contract)
const write = (set: FileDescriptorSet) => toBinary(FileDescriptorSetSchema, set)

/** The users contract after a change of its service. */
function changed(change: (set: FileDescriptorSet) => void): ServiceState {
  const set = read(usersContract)
  change(set)
  return { ...users, contract: write(set) }
}

function optionsOf(set: FileDescriptorSet, method: string) {
  const methods = set.file.flatMap(file => file.service).flatMap(service => service.method)
  const options = methods.find(each => each.name === method)?.options
  if (!options) throw new Error(`no method ${method}`)
  return options
}

const get = (path: string, more = {}) => create(HttpRuleSchema, { pattern: { case: 'get', value: path }, ...more })
const methodOf = (services: ServiceState[], name: string) =>
  contractsFrom(services).methods.find(method => method.path.endsWith(`/${name}`))

describe('the contracts', () => {
  it('give the methods with their bindings and policies', () => {
    expect(methodOf([users], 'GetUser')).toMatchObject({
      service: 'users',
      path: '/site11.users.v1.UsersService/GetUser',
      access: { kind: 'scope', scope: 'users:read' },
      timeoutMs: 5000,
      retry: { attempts: 2, requestIdField: 0 },
      rateLimit: undefined,
    })
    expect(methodOf([users], 'GetUser')?.bindings).toMatchObject([{ verb: 'GET' }])
    expect(methodOf([users], 'WatchUsers')).toMatchObject({ clientStreaming: false, timeoutMs: 0 })
    expect(methodOf([users], 'VerifyEmail')).toMatchObject({
      access: { kind: 'public' },
      rateLimit: { requests: 300, perMs: 60_000 },
    })
    expect(methodOf([users, console], 'ListSessions')).toMatchObject({
      service: 'console',
      access: { kind: 'authenticated' },
    })
  })

  it('leave out methods for services only', () => {
    expect(methodOf([users], 'VerifyPassword')).toBeUndefined()
  })

  it('are the same in whatever order the services and their files come', () => {
    const backwards = write(create(FileDescriptorSetSchema, { file: read(usersContract).file.reverse() }))
    const content = (...services: ServiceState[]) => ({ ...contractsFrom(services), hash: '' })
    expect(content(console, { ...users, contract: backwards })).toEqual(content(users, console))
  })

  it('make one set that is complete, in order, with the types of error details', () => {
    const set = fromBinary(FileDescriptorSetSchema, contractsFrom([users, console]).descriptors)
    const registry = createFileRegistry(set)
    expect(registry.getService('site11.users.v1.UsersService')).toBeDefined()
    expect(registry.getService('site11.console.v1.AuthService')).toBeDefined()
    expect(registry.getMessage('google.rpc.BadRequest')).toBeDefined()
    expect(new Set(set.file.map(file => file.name)).size).toBe(set.file.length)
  })

  it('let no service speak for another', () => {
    const intruder: ServiceState = { name: 'images', contract: usersContract, instances: [] }
    expect(contractsFrom([intruder]).methods).toEqual([])
    const forged = changed(set => {
      const free = create(MethodPolicySchema, { access: { case: 'public', value: true } })
      setExtension(optionsOf(set, 'GetUser'), policyOption, free)
      set.file.at(-1)?.dependency.push('padding.proto')
      set.file.unshift(create(FileDescriptorProtoSchema, { name: 'padding.proto', syntax: 'proto3' }))
    })
    const merged = contractsFrom([users, { ...forged, name: 'aaa' }])
    expect(merged.methods).toEqual(contractsFrom([users]).methods)
    const files = fromBinary(FileDescriptorSetSchema, merged.descriptors).file
    const own = files.find(file => file.name === 'site11/users/v1/users_service.proto')
    expect(own?.dependency).not.toContain('padding.proto')
  })

  it('take the longer of two versions of a shared file', () => {
    const grown = changed(set => {
      const file = set.file.find(each => each.name === 'site11/policy/v1/policy.proto')
      file?.messageType.push({ ...(file.messageType[0] ?? expect.fail()), name: 'Added' })
    })
    for (const services of [
      [grown, console],
      [console, grown],
    ]) {
      const set = fromBinary(FileDescriptorSetSchema, contractsFrom(services).descriptors)
      expect(createFileRegistry(set).getMessage('site11.policy.v1.Added')).toBeDefined()
    }
  })
})

describe('a malformed contract is refused in the name of its service', () => {
  const rule = (more: Parameters<typeof get>) =>
    changed(set => setExtension(optionsOf(set, 'GetUser'), http, get(...more)))
  const policy = (init: Parameters<typeof create<typeof MethodPolicySchema>>[1]) =>
    changed(set => setExtension(optionsOf(set, 'GetUser'), policyOption, create(MethodPolicySchema, init)))

  it.each<[string, ServiceState]>([
    ['not Protobuf', { ...users, contract: Buffer.from('hello') }],
    ['empty', { ...users, contract: new Uint8Array() }],
    ['an import is missing', changed(set => set.file.splice(0, 1))],
    [
      'a type is missing',
      changed(set => set.file.find(file => file.name.endsWith('user.proto'))?.messageType.splice(0, 1)),
    ],
    ['a path outside /api/', rule(['/v1/users/{id}'])],
    ['a path of nothing but /api', rule(['/api'])],
    ['a malformed path', rule(['/api/v1/users/{id'])],
    ['a path that binds a field that is not there', rule(['/api/v1/users/{uid}'])],
    ['a body that is not there', rule(['/api/v1/users/{id}', { body: 'user' }])],
    ['a response_body, which Envoy cannot do', rule(['/api/v1/users/{id}', { responseBody: 'user' }])],
    ['a path that another method has', rule(['/api/v1/users/me'])],
    [
      'an HTTP rule without a verb',
      changed(set => setExtension(optionsOf(set, 'GetUser'), http, create(HttpRuleSchema))),
    ],
    ['a policy that must not be', policy({ access: { case: 'scope', value: 'users:read .*' } })],
    [
      'more than a proxy can be sent',
      changed(set => {
        const [own] = set.file.filter(file => file.package === 'site11.users.v1')
        if (own) own.options = create(FileOptionsSchema, { javaPackage: 'x'.repeat(4 * 1024 * 1024) })
      }),
    ],
  ])('%s', (_, state) => {
    const attempt = () => contractsFrom([console, state])
    expect(attempt).toThrow(StateError)
    expect(attempt).toThrow(expect.objectContaining({ service: 'users' }))
  })

  it('one that does not fit another', () => {
    const moved = changed(set => {
      const file = set.file.find(each => each.name === 'site11/policy/v1/policy.proto') ?? expect.fail()
      for (const each of set.file) each.dependency = each.dependency.map(name => name.replace(file.name, 'moved.proto'))
      file.name = 'moved.proto'
    })
    expect(() => contractsFrom([console, moved])).toThrow(expect.objectContaining({ service: 'users' }))
  })

  it.each(['console-http', '', 'Users', 'a/b'])('a name that no proto package could have: %s', name => {
    expect(() => contractsFrom([{ ...users, name }])).toThrow(StateError)
  })

  it('the name that the edge has', () => {
    expect(() => contractsFrom([{ ...users, name: 'edge' }])).toThrow(expect.objectContaining({ service: 'edge' }))
  })

  it('two services of one name', () => {
    expect(() => contractsFrom([users, users])).toThrow(StateError)
  })
})
