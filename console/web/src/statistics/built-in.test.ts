import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { create } from '@bufbuild/protobuf'
import { DashboardSchema } from '@site11/proto/es/site11/statistics/v1/dashboards_service_pb.ts'
import type { TFunction } from 'i18next'
import { expect, test } from 'vitest'
import { defaultRules } from '../../../../services/statistics/alerts/defaults.ts'
import { createCatalogue } from '../../../../services/statistics/catalogue.ts'
import { builtIn as dashboards } from '../../../../services/statistics/dashboards/builtin.ts'
import { builtIn } from '../i18n/en/built-in.ts'
import { dashboardInWords, metricText, ruleTitle } from './built-in.ts'

const key = ((text: string) => text) as TFunction
const root = join(import.meta.dirname, '../../../..')

/** What processes declare that they measure, as their sources say. */
function measured(): [name: string, description: string][] {
  const declared = /name: '([a-z0-9_.]+)',\s*(?:\/\/.*\s*)?description: '([^']+)'/g
  return ['services/runtime', 'console/server'].flatMap(folder =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter(name => name.endsWith('.ts') && !name.endsWith('.test.ts') && !name.includes('node_modules'))
      .flatMap(name => [...readFileSync(join(root, folder, name), 'utf8').matchAll(declared)])
      .map(([, name = '', description = '']): [string, string] => [name, description]),
  )
}

test('every dashboard that comes with the platform is here as the service has it', () => {
  const here = dashboards.map(({ id, title, description, panels, variables }) => [
    id,
    {
      ...{ title, description },
      panels: Object.fromEntries(panels.map(panel => [panel.id, panel.title])),
      variables: Object.fromEntries(variables.map(({ name, title }) => [name, title])),
    },
  ])
  expect(builtIn.dashboards).toEqual(Object.fromEntries(here))
})

test('every rule that a new platform begins with is here as the service has it', () => {
  const here = defaultRules.map(([id, { title, description }]) => [id, { title, description }])
  expect(builtIn.rules).toEqual(Object.fromEntries(here))
})

test('every metric that the platform makes of itself is here as it is declared', () => {
  const made = createCatalogue(() => [])
    .all()
    .map(({ name, description }): [string, string] => [name, description])
  const here = [...made, ...measured()].map(([name, text]) => [name.replaceAll('.', '_'), text])
  expect(builtIn.metrics).toEqual(Object.fromEntries(here))
})

test('what somebody wrote stays as it is', () => {
  expect(ruleTitle('slow', 'A service answers slowly', key)).toBe('statistics.builtIn.rules.slow.title')
  expect(ruleTitle('slow', 'Users answers slowly', key)).toBe('Users answers slowly')
  const copy = create(DashboardSchema, { id: 'platform', title: 'Platform' })
  expect(dashboardInWords(copy, key).title).toBe('Platform')
  expect(dashboardInWords({ ...copy, builtIn: true }, key).title).toBe('statistics.builtIn.dashboards.platform.title')
  expect(metricText({ name: 'constructor', description: 'Of mine' }, key)).toBe('Of mine.')
})
