import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { MeshError } from './errors.ts'
import { discoverServices, parseReplicas } from './services.ts'

test('a folder is a service when its package.json says so', () => {
  const root = mkdtempSync(join(tmpdir(), 'site11-services-'))
  const manifests = {
    users: { site11: { service: 'users' } },
    images: { site11: { service: 'images' } },
    runtime: { name: 'runtime' },
  }
  for (const [folder, manifest] of Object.entries(manifests)) {
    mkdirSync(join(root, 'services', folder), { recursive: true })
    writeFileSync(join(root, 'services', folder, 'package.json'), JSON.stringify(manifest))
  }
  expect(discoverServices(root)).toEqual([
    { name: 'images', folder: join(root, 'services/images') },
    { name: 'users', folder: join(root, 'services/users') },
  ])
  rmSync(root, { recursive: true })
})

test('replicas are read by service', () => {
  expect(parseReplicas('users=2, images=1', ['users', 'images'])).toEqual(
    new Map([
      ['users', 2],
      ['images', 1],
    ]),
  )
  expect(parseReplicas('', ['users'])).toEqual(new Map())
})

test.each(['users', 'users=', 'users=0', 'users=-1', 'users=1.5', 'users=21', '=2', 'USERS=1'])(
  '%j is refused',
  text => {
    expect(() => parseReplicas(text, ['users'])).toThrow(MeshError)
  },
)

test('an unknown service is answered with those there are', () => {
  expect(() => parseReplicas('user=2', ['images', 'users'])).toThrow(/images, users/)
})
