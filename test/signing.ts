/** The mesh's own signing key, read from its store as the Console does: for tokens that only its owner could forge. */
import { join } from 'node:path'
import { type Db, MongoClient } from 'mongodb'
import { pino } from 'pino'
import { loadKeys, type SigningKeys } from '../console/server/keys/keys.ts'
import { portsFrom } from '../mesh/ports.ts'
import { loadSecrets } from '../mesh/secrets.ts'
import { mesh } from './api.ts'

export function readSigningKeys(): Promise<SigningKeys> {
  const { secretKey } = secrets()
  return withConsoleStore(db =>
    loadKeys({ db, secretKey: Buffer.from(secretKey, 'base64'), log: pino({ enabled: false }) }),
  )
}

/** Has the key that was made last begin to sign: what the Console does itself when that key has been published for long enough. It sees it at its next start. */
export async function letNewestKeySign(): Promise<void> {
  await withConsoleStore(async db => {
    await db.collection('keys').updateOne({ signTime: { $exists: false } }, { $set: { signTime: new Date() } })
  })
}

/** Makes the keys older, as if time had gone by. The Console sees it at its next start. */
export async function ageSigningKeys(ms: number): Promise<void> {
  const earlier = (field: string) => ({ $subtract: [`$${field}`, ms] })
  await withConsoleStore(async db => {
    const age = { $set: { createTime: earlier('createTime'), signTime: earlier('signTime') } }
    await db.collection('keys').updateMany({}, [age])
  })
}

const secrets = () => loadSecrets(join(mesh.home, 'secrets.json'), [])

async function withConsoleStore<T>(use: (db: Db) => Promise<T>): Promise<T> {
  const { mongod } = portsFrom(String(mesh.port))
  const client = new MongoClient(`mongodb://127.0.0.1:${mongod}/console_db`, {
    auth: { username: 'console', password: secrets().mongo.passwords.console ?? '' },
    authSource: 'console_db',
    directConnection: true,
  })
  try {
    return await use(client.db())
  } finally {
    await client.close()
  }
}
