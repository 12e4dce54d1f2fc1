import { readFileSync } from 'node:fs'
import { createFileRegistry, type DescMethod, fromBinary, getOption, hasOption } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { describe, expect, test } from 'vitest'
import { site11Descriptors } from './descriptors.ts'
import { http } from './gen/es/google/api/annotations_pb.ts'
import { type MethodPolicy, method as policyOption } from './gen/es/site11/policy/v1/policy_pb.ts'

const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(site11Descriptors)))
const methods = [...registry].filter(desc => desc.kind === 'service').flatMap(service => service.methods)
const named = (method: DescMethod) => `${method.parent.typeName}/${method.name}`
const policyOf = (method: DescMethod): MethodPolicy => getOption(method, policyOption)

describe.each(methods.map(method => [named(method), method] as const))('%s', (_, method) => {
  const policy = policyOf(method)

  test('says who may call it', () => {
    expect(policy.access.case).toBeDefined()
    expect(policy.access.value).toBeTruthy()
  })

  test('is in REST exactly when it is for callers outside', () => {
    expect(hasOption(method, http)).toBe(policy.access.case !== 'internal')
  })

  test('says how long it may take; streams alone have no limit', () => {
    expect(policy.timeout).toBeDefined()
    const streams = method.methodKind !== 'unary'
    expect(Number(policy.timeout?.seconds) === 0).toBe(streams)
  })

  test('is retried only if it reads, or carries a request_id', () => {
    if (!policy.retry) return
    const reads = /^(Get|List|BatchGet|Diagnose)/.test(method.name)
    expect(reads).toBe(!policy.retry.requiresRequestId)
    if (!reads) expect(method.input.fields.map(field => field.name)).toContain('request_id')
  })

  test('names calling services when it is internal', () => {
    if (policy.access.case === 'internal') expect(policy.callers).not.toEqual([])
  })

  test('is audited when it changes something for good', () => {
    if (
      /^(Create|Update|Delete|Undelete|Disable|Enable|Set|Change|Reset|Register|Login|Revoke|Drain|Resume|Remove)/.test(
        method.name,
      )
    ) {
      expect(policy.audit).toBe(true)
    }
  })
})
