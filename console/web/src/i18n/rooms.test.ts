import { readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { expect, test } from 'vitest'
import { base } from './en/base.ts'
import { en } from './en.ts'
import { rooms } from './index.ts'

const source = join(import.meta.dirname, '..')
const names = Object.keys(rooms) as (keyof typeof rooms)[]

interface Import {
  path: string
  /** The words that are waited for with it. */
  words: readonly string[]
}

/** @returns what a module imports, now or later; not what it takes types from, and no words. */
function importsOf(path: string, code: string): Import[] {
  const waited = [...code.matchAll(/withWords\(\s*import\('(\.[^']+)'\)([^)]*)\)/g)].map(
    ([, file = '', list = '']) => ({
      file,
      words: [...list.matchAll(/'(\w+)'/g)].map(([, name = '']) => name),
    }),
  )
  const plain = code
    .replaceAll(/withWords\(\s*import\('[^']+'\)/g, '')
    .matchAll(/(?<!import type [^'\n]*)(?:from |import |import\()'(\.[^']+\.tsx?)'/g)
  return [...waited, ...[...plain].map(([, file = '']) => ({ file, words: [] }))]
    .map(({ file, words }) => ({ path: join(dirname(path), file), words }))
    .filter(each => !relative(source, each.path).startsWith('i18n'))
}

/** @returns every module that can be there without the words of `room`. */
function without(room: string): Map<string, string> {
  const found = new Map<string, string>()
  const visit = (path: string) => {
    if (found.has(path)) return
    const code = readFileSync(path, 'utf8')
    found.set(path, code)
    for (const each of importsOf(path, code)) if (!each.words.includes(room)) visit(each.path)
  }
  visit(join(source, 'main.tsx'))
  return found
}

/** @returns the keys of all texts in a part of the words, each as it is asked for. */
const keysOf = (tree: object, prefix: string): string[] =>
  Object.entries(tree).flatMap(([name, value]) => {
    const key = `${prefix}.${name.replace(/_(zero|one|two|few|many|other)$/, '')}`
    return typeof value === 'string' ? [key] : keysOf(value, key)
  })

test.each(names)('what says words of %s waits for them', room => {
  const early = new Set(room in base ? keysOf(base[room as keyof typeof base], room) : [])
  const late = keysOf(en[room], room).filter(key => !early.has(key))
  expect(late.length).toBeGreaterThan(0)
  for (const [path, code] of without(room)) {
    const said = new Set([...code.matchAll(/'([\w.]+)'/g)].map(([, text = '']) => text))
    const families = [...code.matchAll(/\bt\(\s*`([^`$]+)\$\{/g)].map(([, start = '']) => start)
    const missing = late.filter(key => said.has(key) || families.some(start => key.startsWith(start)))
    expect(missing, relative(source, path)).toEqual([])
  }
})

test('every page is looked at', () => {
  expect([...without('none').keys()].map(path => relative(source, path))).toEqual(
    expect.arrayContaining([
      'explorer/method-page.tsx',
      'palette/palette.tsx',
      'users/user-row.tsx',
      'services/logs.tsx',
    ]),
  )
})

test('all words are there from the start or come with a page', () => {
  expect(Object.keys(en).filter(name => !(name in base) && !(name in rooms))).toEqual([])
})
