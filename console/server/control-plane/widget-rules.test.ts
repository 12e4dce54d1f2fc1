import { readFileSync } from 'node:fs'
import { create, createFileRegistry, type DescService, fromBinary, setExtension, toBinary } from '@bufbuild/protobuf'
import { type FileDescriptorSet, FileDescriptorSetSchema, ServiceOptionsSchema } from '@bufbuild/protobuf/wkt'
import { site11Descriptors } from '@site11/proto/descriptors'
import { WidgetSchema, widget } from '@site11/proto/es/site11/types/v1/widget_pb.ts'
import { describe, expect, it } from 'vitest'
import { contractsFrom } from './contract.ts'
import { ownerOf } from './descriptors.ts'
import { StateError } from './state.ts'
import { describeWidgetProblem, widgetProblems } from './widget-rules.ts'

type Given = Parameters<typeof create<typeof WidgetSchema>>[1]

const bytes = readFileSync(site11Descriptors)
const own = () => fromBinary(FileDescriptorSetSchema, bytes)

/** Our contracts, in which UsersService has these widgets. */
function having(...widgets: Given[]): FileDescriptorSet {
  const set = own()
  const service = set.file.flatMap(file => file.service).find(({ name }) => name === 'UsersService')
  if (!service) throw new Error('no UsersService')
  service.options = create(ServiceOptionsSchema)
  const made = widgets.map(each => create(WidgetSchema, each))
  setExtension(service.options, widget, made)
  return set
}

const servicesOf = (set: FileDescriptorSet): DescService[] =>
  [...createFileRegistry(set).files].filter(file => ownerOf(file.proto) !== '').flatMap(file => file.services)
const problemsOf = (...widgets: Given[]) => widgetProblems(servicesOf(having(...widgets)))

const fine = { title: 'Notes written', titles: { ko: '작성된 노트' }, metric: 'events' } as const

it('our own contracts contribute nothing that is not fine', () => {
  expect(widgetProblems(servicesOf(own())).map(describeWidgetProblem)).toEqual([])
})

it('a widget that says what it must is fine', () => {
  const filter = 'service = "users" AND NOT type = "a"'
  expect(problemsOf(fine, { ...fine, title: 'Others', filter, groupBy: 'type', aggregation: 1 })).toEqual([])
})

describe('is refused, by file, line and service', () => {
  it.each<[string, Given[]]>([
    ['no title', [{ ...fine, title: '' }]],
    ['no Korean title', [{ ...fine, titles: {} }]],
    ['an empty Korean title', [{ ...fine, titles: { ko: ' ' } }]],
    ['a title without end', [{ ...fine, title: 'so '.repeat(21) }]],
    ['no metric', [{ ...fine, metric: '' }]],
    ['what is no name of a metric', [{ ...fine, metric: 'New users' }]],
    ['what is no label', [{ ...fine, groupBy: 'a,b' }]],
    ['a filter that cannot be understood', [{ ...fine, filter: 'type = ' }]],
    ['two of one title', [fine, fine]],
  ])('%s', (_, widgets) => {
    const problems = problemsOf(...widgets).map(describeWidgetProblem)
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatch(
      /^site11\/users\/v1\/users_service\.proto:\d+: site11\.users\.v1\.UsersService: its widget .+/,
    )
  })
})

it('a title may be that of another service', () => {
  expect(problemsOf({ ...fine, title: 'Sign-ins refused' })).toEqual([])
  const set = having({ ...fine, title: 'Taken' })
  const auth = set.file.flatMap(file => file.service).find(({ name }) => name === 'AuthService')
  if (auth?.options) setExtension(auth.options, widget, [create(WidgetSchema, { ...fine, title: 'Taken' })])
  expect(widgetProblems(servicesOf(set))).toEqual([])
})

it('an instance that registers with such a contract is told which and why', () => {
  const contract = toBinary(FileDescriptorSetSchema, having({ ...fine, metric: '' }))
  const refused = () => contractsFrom([{ name: 'users', contract }])
  expect(refused).toThrow(StateError)
  expect(refused).toThrow(/UsersService: its widget "Notes written" has no metric/)
})
