import { hkdfSync, randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { MeshError } from './errors.ts'
import { writePrivate } from './files.ts'

/** Made once and kept. The data in the databases depends on them: a lost file means lost data. */
export type Secrets = {
  /** Proves to the Console that an instance or a proxy belongs to this mesh. */
  joinToken: string
  /** Proves to the Console that a command comes from whoever started this mesh. */
  operatorToken: string
  /** 32 bytes, base64; encrypts private keys at rest. */
  secretKey: string
  redisPassword: string
  mongo: { keyFile: string; adminPassword: string; passwords: Record<string, string> }
}

const random = (bytes = 24) => randomBytes(bytes).toString('base64url')

/** Secrets that a mesh of an older version has none of. */
type StoredSecrets = Omit<Secrets, 'operatorToken'> & { operatorToken?: string }

/**
 * Reads the secrets, making those that are missing as a whole (first start), for a new database owner, or since an older version.
 * Throws MeshError when the file is damaged: it is never replaced silently.
 */
export function loadSecrets(file: string, owners: string[]): Secrets {
  const stored = existsSync(file) ? readSecrets(file) : newSecrets()
  const secrets = { ...stored, operatorToken: stored.operatorToken ?? random(32) }
  const missing = owners.filter(owner => !secrets.mongo.passwords[owner])
  for (const owner of missing) secrets.mongo.passwords[owner] = random()
  if (missing.length > 0 || !stored.operatorToken) writePrivate(file, `${JSON.stringify(secrets, null, 2)}\n`)
  return secrets
}

/** The token that commands show to the Console. Throws MeshError when the mesh has none, or the file is damaged. */
export function operatorTokenOf(file: string): string {
  const token = existsSync(file) ? readSecrets(file).operatorToken : undefined
  if (token) return token
  throw new MeshError(`${file} holds no operator token, which a start adds: npm run mesh -- stop, then npm start.`)
}

/** @returns the key that a service encrypts secrets of its own with: with it, it opens nothing of the Console's nor of others. */
export const serviceKeyOf = ({ secretKey }: Pick<Secrets, 'secretKey'>, service: string): string =>
  Buffer.from(
    hkdfSync('sha256', Buffer.from(secretKey, 'base64'), '', `site11 secret key of the service ${service}`, 32),
  ).toString('base64')

/** What Prometheus shows to read the metrics, in a file of its own for it to read. One that was removed is made anew. */
export function metricsTokenOf(file: string): string {
  const kept = existsSync(file) ? readFileSync(file, 'utf8').trim() : ''
  if (kept.length >= 16) return kept
  const token = random(32)
  writePrivate(file, token)
  return token
}

function newSecrets(): StoredSecrets {
  return {
    joinToken: random(32),
    secretKey: randomBytes(32).toString('base64'),
    redisPassword: random(),
    mongo: { keyFile: randomBytes(96).toString('base64'), adminPassword: random(), passwords: {} },
  }
}

function readSecrets(file: string): StoredSecrets {
  const text = readFileSync(file, 'utf8')
  let problem = 'it is not JSON'
  try {
    const secrets: StoredSecrets = JSON.parse(text)
    const wrong = wrongIn(secrets)
    if (!wrong) return secrets
    problem = `${wrong} is wrong`
  } catch {
    // Not JSON.
  }
  throw new MeshError(
    `${file} is damaged (${problem}). Put back a copy of it; without one the data cannot be opened: then remove the whole folder it is in to begin anew, which deletes all data.`,
  )
}

/** Names the first secret that is not as it must be. By hand: a schema library would cost the supervisor 18 MB for these seven. */
function wrongIn(secrets: Partial<StoredSecrets> | null): string | undefined {
  const { joinToken, operatorToken, secretKey, redisPassword, mongo } = secrets ?? {}
  const passwords = Object.entries(mongo?.passwords ?? {}).map(([owner, value]) => [`mongo.passwords.${owner}`, value])
  const values = Object.entries({
    joinToken,
    ...(operatorToken !== undefined && { operatorToken }),
    redisPassword,
    'mongo.keyFile': mongo?.keyFile,
    'mongo.adminPassword': mongo?.adminPassword,
    ...Object.fromEntries(passwords),
  })
  const bad = values.find(([, value]) => typeof value !== 'string' || value.length < 16)
  if (bad) return bad[0]
  return typeof secretKey === 'string' && Buffer.from(secretKey, 'base64').length === 32 ? undefined : 'secretKey'
}
