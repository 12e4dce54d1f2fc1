/** `npm run compose-env`: makes the secrets that docker-compose.yml asks for, in .env (mode 0600). Never overwrites one. */
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

const file = join(import.meta.dirname, '../.env')
const secret = () => randomBytes(32).toString('base64url')
const lines = {
  SITE11_JOIN_TOKEN: secret(),
  SITE11_SECRET_KEY: randomBytes(32).toString('base64'),
  SITE11_STATISTICS_SECRET_KEY: randomBytes(32).toString('base64'),
  SITE11_MONGO_KEY: randomBytes(96).toString('base64'),
  SITE11_MONGO_ADMIN_PASSWORD: secret(),
  SITE11_MONGO_CONSOLE_PASSWORD: secret(),
  SITE11_MONGO_USERS_PASSWORD: secret(),
  SITE11_MONGO_STATISTICS_PASSWORD: secret(),
  SITE11_REDIS_PASSWORD: secret(),
}
const text = Object.entries(lines).map(([name, value]) => `${name}=${value}\n`)
try {
  writeFileSync(file, text.join(''), { mode: 0o600, flag: 'wx' })
  console.log('.env made. Next: docker compose up --build')
} catch (error) {
  if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  console.log('.env is there already and stays as it is. Next: docker compose up --build')
}
