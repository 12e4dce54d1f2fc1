import { create } from '@bufbuild/protobuf'
import { ServiceVersionSchema, TrafficWeightSchema } from '@site11/proto/es/site11/console/v1/registry_service_pb.ts'
import { expect, test } from 'vitest'
import { flawOf, sharesOf, withWeight } from './weights.ts'

const version = (name: string, instances: number, serving = instances) =>
  create(ServiceVersionSchema, { version: name, instances, serving })
const weight = (name: string, percent: number) => create(TrafficWeightSchema, { version: name, percent })

test('without weights every serving instance gets the same', () => {
  expect(sharesOf([version('0.1.0', 3), version('0.2.0', 2, 1)], [])).toMatchObject([
    { version: '0.1.0', gets: 75, each: 25, set: undefined },
    { version: '0.2.0', gets: 25, each: 25, set: undefined },
  ])
})

test('with weights versions get theirs, and their instances share it', () => {
  expect(
    sharesOf([version('0.1.0', 2), version('0.2.0', 1)], [weight('0.1.0', 90), weight('0.2.0', 10)]),
  ).toMatchObject([
    { gets: 90, each: 45 },
    { gets: 10, each: 10 },
  ])
})

test('a version that cannot serve leaves its share to the others', () => {
  const versions = [version('0.1.0', 2), version('0.2.0', 1, 0), version('0.3.0', 1)]
  const weights = [weight('0.1.0', 60), weight('0.2.0', 20), weight('0.3.0', 20)]
  expect(sharesOf(versions, weights).map(({ gets }) => gets)).toEqual([75, 0, 25])
})

test('a weight of a version that has no instance is shown, and gets nothing', () => {
  expect(sharesOf([version('0.1.0', 1)], [weight('0.1.0', 50), weight('0.9.0', 50)])).toMatchObject([
    { version: '0.1.0', gets: 100 },
    { version: '0.9.0', instances: 0, gets: 0 },
  ])
})

test('weights are 100 in all and leave somebody to serve', () => {
  const versions = [version('0.1.0', 1), version('0.10.0', 1, 0)]
  const flaw = (a: number, b: number) => flawOf(sharesOf(versions, [weight('0.1.0', a), weight('0.10.0', b)]))
  expect(flaw(90, 10)).toBeUndefined()
  expect(flaw(90, 9)).toBe('sum')
  expect(flaw(0, 100)).toBe('nobody')
})

test('of two versions the other one takes the rest', () => {
  expect([
    ...withWeight(
      new Map([
        ['a', 100],
        ['b', 0],
      ]),
      'b',
      10,
    ),
  ]).toEqual([
    ['a', 90],
    ['b', 10],
  ])
  expect([
    ...withWeight(
      new Map([
        ['a', 50],
        ['b', 50],
        ['c', 0],
      ]),
      'c',
      10,
    ),
  ]).toEqual([
    ['a', 50],
    ['b', 50],
    ['c', 10],
  ])
})
