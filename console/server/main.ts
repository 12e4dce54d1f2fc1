/** The Console: control plane, registry, issuer of tokens. config -> connect -> serve -> close. */
import { ConfigError, versionOf } from '@site11/runtime/config.ts'
import { createLog } from '@site11/runtime/log.ts'
import { closeOnSignal } from '@site11/runtime/serve.ts'
import { consoleConfig } from './config.ts'
import { startConsole } from './start.ts'
import { StartError } from './start-error.ts'

try {
  const config = consoleConfig()
  const log = createLog(config.SITE11_INSTANCE, config.SITE11_LOG_LEVEL)
  closeOnSignal(log, await startConsole(config, versionOf(import.meta.dirname), log))
} catch (error) {
  if (!(error instanceof ConfigError || error instanceof StartError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exit(1)
}
