import { rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileError, MeshError } from './errors.ts'
import { makeFolder } from './files.ts'

/** The repository. */
export const root = resolve(import.meta.dirname, '..')

/** Where a mesh keeps what it knows: secrets, data, logs, engines. One running mesh a home. */
export type Home = ReturnType<typeof homeOf>

export function homeOf(env: NodeJS.ProcessEnv) {
  const folder = resolve(root, env.SITE11_HOME || '.site11')
  return {
    folder,
    secrets: join(folder, 'secrets.json'),
    admin: join(folder, 'admin.json'),
    /** The authorities of the mesh, which the Console writes. */
    trust: join(folder, 'ca.pem'),
    /** What Prometheus shows to read the metrics of the mesh. */
    metricsToken: join(folder, 'metrics-token'),
    record: join(folder, 'mesh.json'),
    socket: join(folder, 'mesh.sock'),
    /** Deployments, and where services were deployed from. */
    deployments: join(folder, 'deployments.json'),
    logs: join(folder, 'logs'),
    mongodData: join(folder, 'data/mongod'),
    mongodKey: join(folder, 'mongod.key'),
    redisData: join(folder, 'data/redis'),
    redisConfig: join(folder, 'redis.conf'),
    envoy: join(folder, 'envoy'),
    engines: env.SITE11_ENGINES ? resolve(env.SITE11_ENGINES) : join(folder, 'engines'),
  }
}

const neededMiB = 512

/** Makes the folders, for this user only. Throws MeshError when they cannot be made or written, or the disk is nearly full. */
export function createHome(home: Home): void {
  try {
    for (const folder of [home.logs, home.mongodData, home.redisData, home.envoy]) makeFolder(folder)
    const probe = join(home.folder, `.probe-${process.pid}`)
    writeFileSync(probe, 'x')
    rmSync(probe)
  } catch (error) {
    throw fileError(error, home.folder)
  }
  const { bavail, bsize } = statfsSync(home.folder)
  const freeMiB = Math.floor((bavail * bsize) / 2 ** 20)
  if (freeMiB < neededMiB) {
    throw new MeshError(
      `Only ${freeMiB} MiB are free where ${home.folder} is, and ${neededMiB} are needed. Make room, or set SITE11_HOME to a folder on another disk.`,
    )
  }
}
