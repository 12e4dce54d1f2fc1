/** Builds that can be run: a service, or the Console, in a checkout of the project. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Refused } from './errors.ts'
import { discoverServices } from './services.ts'

export type Build = {
  /** The root of the checkout. */
  checkout: string
  /** Where its main.ts is. */
  folder: string
  /** That of its package.json, which it tells the Console when it starts. */
  version: string
}

export const consoleName = 'console'

/** @returns the build of a service in a checkout; undefined when there is none. */
export function buildIn(checkout: string, service: string): Build | undefined {
  const folder =
    service === consoleName
      ? join(checkout, 'console/server')
      : discoverServices(checkout).find(({ name }) => name === service)?.folder
  if (!folder || !existsSync(join(folder, 'main.ts'))) return undefined
  const { version }: { version?: unknown } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  return typeof version === 'string' ? { checkout, folder, version } : undefined
}

/** What is asked for. `checkouts`: those that are known, the one in use first. */
type Wanted = { service: string; version: string; from: string | undefined; checkouts: readonly string[] }

/**
 * @returns the build: of the folder that is named; of the version, wherever it is known; or, when neither is said, the one in use.
 * @throws Refused when there is no such build.
 */
export function findBuild({ service, version, from, checkouts }: Wanted): Build {
  if (from !== undefined) {
    if (!statSync(from, { throwIfNoEntry: false })?.isDirectory())
      throw new Refused('invalid', `There is no folder ${from}.`)
    const build = readable(from, service)
    if (!build) {
      throw new Refused(
        'invalid',
        `${from} is no checkout with the service ${service}: it has no folder of services/ whose package.json names it and whose main.ts starts it.`,
      )
    }
    if (version && build.version !== version) {
      throw new Refused('invalid', `${from} has ${service} ${build.version}, not ${version}.`)
    }
    return build
  }
  const builds = checkouts.flatMap(checkout => stillIn(checkout, service))
  const build = version ? builds.find(each => each.version === version) : builds[0]
  if (build) return build
  const versions = [...new Set(builds.map(each => each.version))]
  throw new Refused(
    'invalid',
    `There is no ${service} ${version} here. There is ${versions.join(', ') || 'none'}. Another one is deployed from its folder, once: npm run mesh -- deploy ${service} --from <folder>`,
  )
}

function readable(checkout: string, service: string): Build | undefined {
  try {
    return buildIn(checkout, service)
  } catch (error) {
    throw new Refused('invalid', `${checkout} cannot be read: ${(error as Error).message}`)
  }
}

/** A checkout of before may be gone, or half of it. */
function stillIn(checkout: string, service: string): Build[] {
  try {
    return [buildIn(checkout, service) ?? []].flat()
  } catch {
    return []
  }
}
