import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Accepted, type SavedSnapshots, saveSnapshots } from './saved-snapshots.ts'
import { clusterType, endpointType } from './snapshot.ts'
import { until } from './testbed.ts'

let folder: string
let saved: SavedSnapshots
const warnings: string[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'site11-saved-'))
  saved = saveSnapshots(folder, { info: () => {}, warn: (_, message) => warnings.push(message) })
})

afterEach(() => {
  saved.close()
  warnings.splice(0)
  rmSync(folder, { recursive: true })
})

const path = (nodeId: string) => join(folder, `${nodeId}.snapshot.json`)
const read = (nodeId: string) => (existsSync(path(nodeId)) ? JSON.parse(readFileSync(path(nodeId), 'utf8')) : undefined)
const accepted = (version: string, text: string): Accepted => ({
  version,
  resources: new Map([['users', { name: 'users', hash: text, value: Buffer.from(text) }]]),
})

describe('what a proxy has accepted', () => {
  it('is written in the order of types, the last of several that come close to each other', async () => {
    for (let change = 1; change <= 5; change++) {
      const responses = {
        [endpointType]: accepted(`e${change}`, `endpoints ${change}`),
        [clusterType]: accepted('c', 'c'),
      }
      saved.save('edge-1', change, responses)
    }
    expect(await until('it', () => read('edge-1'))).toEqual({
      version: 1,
      nodeId: 'edge-1',
      change: 5,
      savedAt: expect.any(String),
      responses: [
        {
          typeUrl: clusterType,
          versionInfo: 'c',
          resources: [{ name: 'users', value: Buffer.from('c').toString('base64') }],
        },
        {
          typeUrl: endpointType,
          versionInfo: 'e5',
          resources: [{ name: 'users', value: Buffer.from('endpoints 5').toString('base64') }],
        },
      ],
    })
    expect(readdirSync(folder)).toEqual(['edge-1.snapshot.json'])
    expect(saveSnapshots(folder, { info: () => {}, warn: () => {} }).known()).toEqual(['edge-1'])
  })

  it('is written at the end when it was not yet', () => {
    saved.save('edge-1', 1, { [clusterType]: accepted('c', 'c') })
    saved.close()
    expect(read('edge-1')).toMatchObject({ change: 1 })
  })

  it.skipIf(!existsSync('/dev/full'))(
    'that cannot be written, as the disk is full, is told of once; it is written when there is room again',
    async () => {
      symlinkSync('/dev/full', `${path('edge-1')}.tmp`)
      saved.save('edge-1', 1, { [clusterType]: accepted('c', 'c') })
      const [problem] = await until('the problem', () => saved.problems()[0] && saved.problems())
      expect(problem).toMatch(/edge-1.*ENOSPC/)
      expect(read('edge-1')).toBeUndefined()
      expect(await until('it', () => read('edge-1'))).toMatchObject({ change: 1 })
      await until('no problem', () => saved.problems().length === 0)
      expect(warnings).toHaveLength(1)
    },
  )

  it.each(['../edge-1', 'a/b', '.hidden', ''])('is not written for a node id that is no file name: %s', nodeId => {
    saved.save(nodeId, 1, { [clusterType]: accepted('c', 'c') })
    expect(saved.problems()).toHaveLength(1)
    saved.close()
    expect(readdirSync(folder)).toEqual([])
  })
})
