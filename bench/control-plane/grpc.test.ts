import fc from 'fast-check'
import { expect, test } from 'vitest'
import { frame, unframe } from './grpc.ts'

test('messages come out whole and in order, however the stream is cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 40 })),
      fc.array(fc.integer({ min: 1, max: 20 })),
      (messages, cuts) => {
        let rest = Buffer.concat(messages.map(frame))
        const received: Buffer[] = []
        const take = unframe(message => received.push(Buffer.from(message)))
        for (const cut of cuts) {
          take(rest.subarray(0, cut))
          rest = rest.subarray(cut)
        }
        take(rest)
        expect(received).toEqual(messages.map(message => Buffer.from(message)))
      },
    ),
  )
})
