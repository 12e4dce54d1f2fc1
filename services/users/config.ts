/** The environment of the Users service. */
import { loadConfig, platformConfig } from '@site11/runtime/config.ts'
import { z } from 'zod'

const shape = {
  ...platformConfig,
  /** Where mails are handed over. When unset they are written to `<SITE11_HOME>/mail`. */
  SITE11_SMTP_URL: z
    .string()
    .regex(/^smtps?:\/\/.+/, 'must begin with smtp:// or smtps://')
    .optional(),
  /** The sender of mails: an address, or a name with the address in angle brackets. */
  SITE11_MAIL_FROM: z
    .string()
    .regex(/^[^<>\r\n]*<?[^\s<>@]+@[^\s<>@]+>?$/, 'must be an address, such as Site11 <no-reply@example.com>')
    .default('Site11 <no-reply@site11.local>'),
}

export type UsersConfig = ReturnType<typeof usersConfig>

/** @throws ConfigError naming every variable that is missing or malformed. */
export const usersConfig = (env: NodeJS.ProcessEnv = process.env) => loadConfig(shape, env)
