import { expect, test } from 'vitest'
import { en } from '../i18n/en.ts'
import { actions } from './words.ts'

test('what the journal knows has words of its own here, and beside what it happened to', () => {
  const named = actions.filter(action => action !== 'instance.health').map(action => action.replace('.', '_'))
  const health = ['instance_healthy', 'instance_failing', 'instance_unknown']
  expect(Object.keys(en.services.change).sort()).toEqual([...named, ...health].sort())
  expect(Object.keys(en.activity.actions).sort()).toEqual([...named, 'instance_health'].sort())
})
