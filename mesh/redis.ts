import { engineEnv } from './environment.ts'
import { writePrivate } from './files.ts'
import type { Home } from './home.ts'
import type { ProcessSpec } from './process.ts'
import { requirePong, until } from './ready.ts'

/** Redis (or Valkey) with every write in its append-only file. The password is in a file of mode 0600, not among the arguments. */
export function redisSpec(binary: string, port: number, home: Home, password: string): ProcessSpec {
  const config = [
    'bind 127.0.0.1',
    `port ${port}`,
    `requirepass ${password}`,
    `dir "${home.redisData}"`,
    'appendonly yes',
    'auto-aof-rewrite-min-size 16mb',
    // The append-only file is the one copy on disk.
    'save ""',
    'tcp-backlog 128',
    'daemonize no',
  ]
  writePrivate(home.redisConfig, `${config.join('\n')}\n`)
  return {
    name: 'redis',
    command: binary,
    args: [home.redisConfig],
    cwd: home.folder,
    env: engineEnv(process.env),
    address: `127.0.0.1:${port}`,
    ready: signal => until(() => requirePong(port, password), signal),
    terminal: 'error',
  }
}
