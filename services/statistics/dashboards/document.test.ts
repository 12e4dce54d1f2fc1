import { Dashboard } from '@site11/proto/grpc/site11/statistics/v1/dashboards_service.ts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { builtIn } from './builtin.ts'
import { requireSound } from './dashboard.ts'
import { exported, imported } from './document.ts'
import { fillIn, namesIn } from './variables.ts'

const text = (maxLength: number) => fc.string({ maxLength, unit: 'binary' }).map(each => each.toWellFormed())
const duration = fc.record({ seconds: fc.integer({ min: 60, max: 31_000_000 }), nanos: fc.constant(0) })
const name = fc.stringMatching(/^[a-z][a-z0-9_]{0,10}$/)
const query = fc.record({
  label: text(40),
  metric: fc.stringMatching(/^[a-z][a-z.]{0,30}$/),
  groupBy: fc.uniqueArray(name, { maxLength: 4 }),
  filter: fc.constantFrom('', 'service = "users"', 'status != "OK" AND method = "*Get*"'),
  aggregation: fc.integer({ min: 0, max: 9 }),
  top: fc.nat(200),
  compare: fc.option(duration, { nil: undefined }),
})
const threshold = fc.record({
  value: fc.double({ noNaN: true, noDefaultInfinity: true }),
  level: fc.integer({ min: 1, max: 3 }),
})
const panel = fc.record({
  title: text(40),
  description: text(100),
  kind: fc.integer({ min: 1, max: 4 }),
  width: fc.integer({ min: 1, max: 12 }),
  queries: fc.array(query, { minLength: 1, maxLength: 3 }),
  unit: fc.constantFrom('', 'ms', '{request}/s'),
  thresholds: fc
    .uniqueArray(threshold, { maxLength: 3, selector: ({ value }) => value })
    .map(all => all.toSorted((a, b) => a.value - b.value)),
  stacked: fc.boolean(),
})
const dashboard = fc.record({
  title: text(100).filter(title => title.trim() !== '' && title.length <= 100),
  description: text(200),
  panels: fc.array(panel, { maxLength: 6 }).map(panels =>
    panels.map(({ width, ...rest }, index) => ({
      ...rest,
      id: `p${index}`,
      position: { x: 0, y: index, width, height: 1 },
    })),
  ),
  variables: fc.uniqueArray(fc.record({ name, title: text(20), metric: name, label: name, value: text(20) }), {
    maxLength: 5,
    selector: each => each.name,
  }),
  range: fc.option(duration, { nil: undefined }),
})

test('what is exported is imported as it was, also by way of JSON text', () => {
  fc.assert(
    fc.property(dashboard, made => {
      const whole = Dashboard.fromPartial(made as never)
      const document = JSON.parse(JSON.stringify(exported(whole)))
      expect(Dashboard.encode(imported(document)).finish()).toEqual(Dashboard.encode(whole).finish())
    }),
  )
})

test.each(builtIn.map(each => [each.id, each] as const))(
  'the built-in dashboard %s is sound, and can be taken elsewhere',
  (_, each) => {
    expect(() => requireSound(each)).not.toThrow()
    expect(imported(exported(each)).panels).toEqual(each.panels)
  },
)

describe('a document is refused with the place of what is not right', () => {
  const good = { format: 'site11.dashboard', version: 1, title: 'A', panels: [] as unknown[] }
  const panelOf = (change: object) => ({
    ...{ id: 'a', title: 'A', kind: 'PANEL_KIND_LINE', position: { x: 0, y: 0, width: 6, height: 4 } },
    ...{ queries: [{ metric: 'requests' }], ...change },
  })
  test.each<[string, object, string[]]>([
    ['another format', { format: 'grafana' }, ['document.format']],
    ['a later version', { version: 2 }, ['document.version']],
    ['a field that there is not', { colour: 'red' }, ['document.colour']],
    ['a field that only this mesh knows', { owner: 'me' }, ['document.owner']],
    ['no title', { title: '' }, ['document.title']],
    ['a title that is a number', { title: 5 }, ['document.title']],
    ['panels that are no list', { panels: {} }, ['document.panels']],
    ['a panel that is a text', { panels: ['a'] }, ['document.panels[0]']],
    ['a kind that there is not', { panels: [panelOf({ kind: 'PIE' })] }, ['document.panels[0].kind']],
    ['a query without a metric', { panels: [panelOf({ queries: [{}] })] }, ['document.panels[0].queries[0].metric']],
    ['no queries', { panels: [panelOf({ queries: [] })] }, ['document.panels[0].queries']],
    [
      'a panel too wide',
      { panels: [panelOf({ position: { x: 8, width: 6, height: 1 } })] },
      ['document.panels[0].position'],
    ],
    ['panels upon each other', { panels: [panelOf({}), panelOf({ id: 'b' })] }, ['document.panels[1].position']],
    [
      'a filter that cannot be read',
      { panels: [panelOf({ queries: [{ metric: 'a', filter: 'service =' }] })] },
      ['document.panels[0].queries[0].filter'],
    ],
    [
      'a variable that there is not',
      { panels: [panelOf({ queries: [{ metric: 'a', filter: 'a = $b' }] })] },
      ['document.panels[0].queries[0].filter'],
    ],
    [
      'thresholds that fall',
      {
        panels: [
          panelOf({
            thresholds: [
              { value: 2, level: 1 },
              { value: 1, level: 2 },
            ],
          }),
        ],
      },
      ['document.panels[0].thresholds[1].value'],
    ],
    [
      'two things',
      { range: 'long', panels: [panelOf({ stacked: 1 })] },
      ['document.range', 'document.panels[0].stacked'],
    ],
  ])('%s', (_, change, places) => {
    const attempt = () => imported({ ...good, ...change })
    const violations = places.map(field => expect.objectContaining({ field }))
    expect(attempt).toThrow(
      expect.objectContaining({ details: expect.objectContaining({ violations: expect.arrayContaining(violations) }) }),
    )
  })

  test('whatever it is: with places, and never otherwise', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom('title', 'panels', 'variables', 'range', 'id'), fc.jsonValue()),
        content => {
          try {
            imported({ ...good, ...content })
          } catch (error) {
            expect(error).toMatchObject({ details: { reason: 'INVALID_FIELD' } })
          }
        },
      ),
    )
  })
})

test.each([
  ['service = $service', { service: 'users' }, 'service = "users"'],
  ['service = $service', {}, 'service = "*"'],
  ['service = $service', { service: 'a"b*' }, 'service = "a\\"b\\*"'],
  ['a = "$b" AND c = \'$d\'', { b: 'x', d: 'y' }, 'a = "$b" AND c = \'$d\''],
  ['a = $a AND b = $b', { a: '$b', b: '1' }, 'a = "$b" AND b = "1"'],
])('%s is filled in', (filter, values, filled) => {
  expect(fillIn(filter, values as Record<string, string>)).toBe(filled)
})
test('names of variables are found once each, and not in quotes', () => {
  expect(namesIn('a = $x AND b = $x AND c = "$y" OR d = $z')).toEqual(['x', 'z'])
})
