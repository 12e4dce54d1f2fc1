/** The environment of the Statistics service. */
import { loadConfig, platformConfig, secretKey } from '@site11/runtime/config.ts'
import { z } from 'zod'
import { networksOf } from './alerts/address.ts'

const shape = {
  ...platformConfig,
  /** Encrypts the secrets of webhooks at rest. */
  SITE11_SECRET_KEY: secretKey,
  /** Where webhooks may lead besides public addresses: ranges such as `10.1.0.0/16,127.0.0.0/8`. */
  SITE11_WEBHOOK_NETWORKS: z
    .string()
    .default('')
    .transform((text, context) => {
      try {
        return networksOf(text.split(',').flatMap(range => range.trim() || []))
      } catch (error) {
        context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) })
        return z.NEVER
      }
    }),
}

export type StatisticsConfig = ReturnType<typeof statisticsConfig>

/** @throws ConfigError naming every variable that is missing or malformed. */
export const statisticsConfig = (env: NodeJS.ProcessEnv = process.env) => loadConfig(shape, env)
