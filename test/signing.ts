/** The mesh's own signing key, read from its store as the Console does: for tokens that only its owner could forge. */
import { join } from 'node:path'
import { MongoClient } from 'mongodb'
import { pino } from 'pino'
import { loadKeys, type SigningKeys } from '../console/server/keys/keys.ts'
import { portsFrom } from '../mesh/ports.ts'
import { loadSecrets } from '../mesh/secrets.ts'
import { mesh } from './api.ts'

export async function readSigningKeys(): Promise<SigningKeys> {
  const { secretKey, mongo } = loadSecrets(join(mesh.home, 'secrets.json'), [])
  const { mongod } = portsFrom(String(mesh.port))
  const client = new MongoClient(`mongodb://127.0.0.1:${mongod}/console_db`, {
    auth: { username: 'console', password: mongo.passwords.console ?? '' },
    authSource: 'console_db',
    directConnection: true,
  })
  try {
    return await loadKeys({
      db: client.db(),
      secretKey: Buffer.from(secretKey, 'base64'),
      log: pino({ enabled: false }),
    })
  } finally {
    await client.close()
  }
}
