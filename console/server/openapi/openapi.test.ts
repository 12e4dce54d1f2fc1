import { readFileSync } from 'node:fs'
import { createFileRegistry, fromBinary } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { Validator } from '@seriousme/openapi-schema-validator'
import { site11Descriptors } from '@site11/proto/descriptors'
import { describe, expect, test } from 'vitest'
import { openapiFrom } from './openapi.ts'

const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(site11Descriptors)))
const document = JSON.parse(JSON.stringify(openapiFrom(registry, { url: 'http://localhost:8000', version: '0.1.0' })))

describe('the OpenAPI document', () => {
  test('is valid by a public validator', async () => {
    expect(await new Validator().validate(document)).toEqual({ valid: true })
  })

  test('has the path, the query and the body of an update where Envoy looks for them', () => {
    const update = document.paths['/api/v1/users/{user.id}'].patch
    const own = update.parameters.filter((each: object) => !('$ref' in each))
    expect(own.map(({ name, in: where }: { name: string; in: string }) => [where, name])).toEqual([
      ['path', 'user.id'],
      ['query', 'updateMask'],
    ])
    expect(update.requestBody.content['application/json'].schema).toMatchObject({
      $ref: '#/components/schemas/site11.users.v1.User',
    })
  })

  test('says who may call', () => {
    expect(document.paths['/api/v1/auth/login'].post.security).toEqual([])
    expect(document.paths['/api/v1/users'].get.security).toEqual([{ accessToken: ['users:read'] }])
  })

  test('carries the rules and the comments of the contract', () => {
    const user = document.components.schemas['site11.users.v1.User']
    expect(user.properties.email).toMatchObject({ type: 'string', format: 'email', maxLength: 254 })
    expect(user.properties.id.readOnly).toBe(true)
    expect(user.properties.displayName.description).toBe('The name shown to others.')
  })

  test('says of every method that it takes a version of the API, once for all, and what comes of one that nobody serves', () => {
    const parameter = { $ref: '#/components/parameters/ApiVersion' }
    const operations = Object.values(document.paths).flatMap(path => Object.values(path as object))
    expect(operations.length).toBeGreaterThan(20)
    for (const { parameters, responses } of operations) {
      expect(parameters.filter((each: object) => '$ref' in each)).toEqual([parameter])
      expect(responses[400]).toEqual({ $ref: '#/components/responses/Invalid' })
    }
    expect(document.components.parameters.ApiVersion).toMatchObject({
      name: 'X-API-Version',
      in: 'header',
      required: false,
    })
    const { examples } = document.components.responses.Invalid.content['application/json']
    expect(examples.VERSION_NOT_SERVED.value).toMatchObject({ code: 9, details: [{ reason: 'VERSION_NOT_SERVED' }] })
  })

  test('names each operation once, and only tags that it explains', () => {
    const operations = Object.values<Record<string, { operationId: string; tags: string[] }>>(document.paths).flatMap(
      path => Object.values(path),
    )
    const ids = operations.map(({ operationId }) => operationId)
    expect(new Set(ids).size).toBe(ids.length)
    const tags = document.tags.map(({ name }: { name: string }) => name)
    for (const operation of operations) expect(tags).toEqual(expect.arrayContaining(operation.tags))
  })

  test('says with which errors a method answers, each with an example', () => {
    const { responses } = document.paths['/api/v1/users/{id}'].get
    expect(Object.keys(responses)).toEqual(['200', '400', '401', '403', '404', '503', 'default'])
    expect(Object.keys(document.paths['/api/v1/auth/login'].post.responses)).toContain('429')
    const { examples } = document.components.responses.Forbidden.content['application/json']
    expect(examples.SCOPE_MISSING.value.details[0]).toMatchObject({ reason: 'SCOPE_MISSING' })
  })

  test('leaves out what is for services only', () => {
    expect(JSON.stringify(document.paths)).not.toContain('VerifyPassword')
    expect(Object.keys(document.components.schemas)).not.toContain('site11.users.v1.VerifyPasswordRequest')
  })

  test('refers to nothing that it does not have', () => {
    const names = [...JSON.stringify(document).matchAll(/#\/components\/schemas\/([^"]+)/g)].map(match => match[1])
    expect(Object.keys(document.components.schemas)).toEqual(expect.arrayContaining([...new Set(names)]))
  })
})
