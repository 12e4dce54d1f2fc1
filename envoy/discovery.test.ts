import { create, fromBinary, type Message, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { messageType } from '../console/server/control-plane/encode.ts'
import { readRequest, type Variant, writeResponse } from './discovery.ts'

const variants: Variant[] = ['sotw', 'delta']
const api = (variant: Variant, what: 'Request' | 'Response') =>
  messageType(`envoy.service.discovery.v3.${variant === 'sotw' ? '' : 'Delta'}Discovery${what}`)

const text = fc.string({ unit: 'binary' })
const request = fc.record({
  node: fc.option(fc.record({ id: text, cluster: text, userAgentName: text }), { nil: undefined }),
  typeUrl: text,
  names: fc.array(text),
  responseNonce: text,
  versions: fc.dictionary(text, text),
  errorDetail: fc.option(fc.record({ code: fc.integer({ min: 0, max: 16 }), message: text }), { nil: undefined }),
})
const resources = fc.record({
  typeUrl: text,
  versionInfo: text,
  resources: fc.array(fc.record({ name: text, value: fc.uint8Array({ maxLength: 300 }) })),
})

describe.each(variants)('the %s variant', variant => {
  it('reads the requests that the real library writes', () => {
    fc.assert(
      fc.property(request, ({ names, versions, ...rest }) => {
        const own =
          variant === 'sotw'
            ? { resourceNames: names }
            : { resourceNamesSubscribe: names, initialResourceVersions: versions }
        const type = api(variant, 'Request')
        const bytes = Buffer.from(toBinary(type, create(type, { ...rest, ...own })))
        expect(readRequest(variant, bytes)).toEqual({
          nodeId: rest.node?.id ?? '',
          typeUrl: rest.typeUrl,
          names,
          refused: rest.errorDetail !== undefined,
        })
      }),
    )
  })

  it('writes responses that the real library reads', () => {
    fc.assert(
      fc.property(resources, text, (all, nonce) => {
        const { typeUrl, versionInfo } = all
        const read = fromBinary(
          api(variant, 'Response'),
          new Uint8Array(writeResponse(variant, all, nonce)),
        ) as Message & {
          resources: (Message & { resource?: unknown })[]
        }
        const any = (value: Uint8Array) => ({ typeUrl, value })
        expect(read).toMatchObject(
          variant === 'sotw'
            ? { typeUrl, nonce, versionInfo, resources: all.resources.map(({ value }) => any(value)) }
            : {
                ...{ typeUrl, nonce, systemVersionInfo: versionInfo, removedResources: [] },
                resources: all.resources.map(({ name, value }) => ({
                  name,
                  version: versionInfo,
                  resource: any(value),
                })),
              },
        )
        expect(read.$unknown).toBeUndefined()
      }),
    )
  })

  it('refuses bytes that are no message, and nothing else comes of them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), bytes => {
        try {
          expect(readRequest(variant, Buffer.from(bytes)).names.length).toBeLessThanOrEqual(bytes.length)
        } catch (error) {
          expect((error as Error).message).toMatch(/message ends|number is longer|wire type/)
        }
      }),
    )
  })

  it('refuses a request that is cut off', () => {
    const type = api(variant, 'Request')
    const bytes = Buffer.from(toBinary(type, create(type, { typeUrl: 'some/type', node: { id: 'envoy-1' } })))
    expect(() => readRequest(variant, bytes.subarray(0, -1))).toThrow('ends within')
  })
})
