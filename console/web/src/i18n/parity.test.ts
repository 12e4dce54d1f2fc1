import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ErrorReasonSchema } from '@site11/proto/es/site11/types/v1/errors_pb.ts'
import { expect, test } from 'vitest'
import { en } from './en.ts'
import { ko } from './ko.ts'

type Tree = { [key: string]: string | Tree }

/** `{a: {b: 'x'}}` -> `[['a.b', 'x']]`. */
const leaves = (tree: Tree, prefix = ''): [string, string][] =>
  Object.entries(tree).flatMap(([key, value]): [string, string][] =>
    typeof value === 'string' ? [[prefix + key, value]] : leaves(value, `${prefix}${key}.`),
  )

const texts = {
  en: new Map(leaves(en)),
  ko: new Map(leaves(ko)),
}
const plural = /_(zero|one|two|few|many|other)$/
const baseOf = (key: string) => key.replace(plural, '')
const placeholders = (text: string) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map(([, name]) => name).sort()

test('both languages say the same things', () => {
  const bases = (language: 'en' | 'ko') => [...new Set([...texts[language].keys()].map(baseOf))].sort()
  expect(bases('ko')).toEqual(bases('en'))
})

test.each(['en', 'ko'] as const)('%s has every plural form that it needs, and no text is empty', language => {
  const forms = new Intl.PluralRules(language).resolvedOptions().pluralCategories
  const own = texts[language]
  for (const [key, text] of own) {
    expect(text.trim(), key).not.toBe('')
    if (plural.test(key)) for (const form of forms) expect(own.has(`${baseOf(key)}_${form}`), key).toBe(true)
  }
})

test('both languages fill in the same values', () => {
  for (const [key, text] of texts.ko) expect(placeholders(text), key).toEqual(placeholders(texts.en.get(key) ?? ''))
})

test('every reason of the contract is explained', () => {
  const reasons = ErrorReasonSchema.values.map(({ name }) => name.replace('ERROR_REASON_', ''))
  for (const reason of reasons.filter(name => name !== 'UNSPECIFIED')) {
    expect(texts.en.has(`problem.reason.${reason}.what`), reason).toBe(true)
    expect(texts.en.has(`problem.reason.${reason}.todo`), reason).toBe(true)
  }
})

test('every text is used, and every text used exists', () => {
  const source = join(import.meta.dirname, '..')
  const code = readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter(name => /\.tsx?$/.test(name) && !name.startsWith('i18n') && !name.endsWith('.test.ts'))
    .map(name => readFileSync(join(source, name), 'utf8'))
    .join('\n')
  const bases = new Set([...texts.en.keys()].map(baseOf))
  const asked = [...code.matchAll(/\bt\(\s*'([^']+)'/g)].map(([, key]) => key ?? '')
  expect(asked.filter(key => !bases.has(key))).toEqual([])
  const quoted = new Set([...code.matchAll(/'([\w.]+)'/g)].map(([, text]) => text))
  // Keys that are put together from a value: t(`state.${name}`).
  const families = [...code.matchAll(/\bt\(\s*`([^`$]+)\$\{/g)].map(([, start]) => start ?? '')
  expect([...bases].filter(key => !quoted.has(key) && !families.some(start => key.startsWith(start)))).toEqual([])
})
