import { expect, test } from 'vitest'
import { type Command, noteUse, recentIds } from './commands.ts'
import { ranked } from './rank.ts'

const command = (id: string, title: string, group: Command['group'], words = ''): Command => ({
  id,
  title,
  group,
  words,
  run: () => undefined,
})
const all = [
  command('pages//', 'Overview', 'pages'),
  command('pages//users', 'Users', 'pages'),
  command('services/users', 'users', 'services'),
  command('drain/users-1', 'Drain users-1', 'actions'),
  command('methods/ListUsers', 'ListUsers', 'methods'),
]
const shown = (typed: string, recent: string[] = []) =>
  ranked(all, typed, recent).map(({ group, commands }) => [group, ...commands.map(({ id }) => id)])

test('without a word what was done lately comes first, and nothing comes twice', () => {
  expect(shown('', ['drain/users-1', 'gone'])).toEqual([
    ['recent', 'drain/users-1'],
    ['pages', 'pages//', 'pages//users'],
    ['services', 'services/users'],
  ])
})

test('with a word the group with the best match comes first', () => {
  expect(shown('drain')[0]).toEqual(['actions', 'drain/users-1'])
  expect(shown('users').map(([group]) => group)).toEqual(['pages', 'services', 'actions', 'methods'])
  expect(shown('nothing like it')).toEqual([])
})

test('of equally good matches the one used lately comes first', () => {
  expect(shown('users', ['services/users'])[0]).toEqual(['services', 'services/users'])
})

test('what was done lately is remembered, each once, the last first, and a spoilt memory is none', () => {
  const stored = new Map<string, string>()
  const storage = {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => void stored.set(key, value),
  }
  for (const id of ['a', 'b', 'a', 'c', 'd', 'e', 'f', 'g']) noteUse(id, storage)
  expect(recentIds(storage)).toEqual(['g', 'f', 'e', 'd', 'c', 'a'])
  for (const key of stored.keys()) stored.set(key, '{not json')
  expect(recentIds(storage)).toEqual([])
})
