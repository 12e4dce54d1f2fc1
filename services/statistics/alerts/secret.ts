/**
 * The secrets that webhooks are signed with, encrypted at rest: who reads the database cannot sign. Each opens for its own webhook only, and
 * under the key that it was made with.
 */
import { randomBytes } from 'node:crypto'
import type { Log } from '@site11/runtime/log.ts'
import { seal, unseal } from '@site11/runtime/store/seal.ts'
import type { Collection } from 'mongodb'
import type { WebhookDocument } from './delivery.ts'

/** What a webhook is told when it cannot be signed for. */
export const notOpened =
  'Its secret was sealed with another SITE11_SECRET_KEY. Give Statistics the former key back; if that is lost, delete the webhook and make another.'

/** @returns bytes in base64. */
export const newSecret = () => randomBytes(32).toString('base64')

/** @param key 32 bytes. @returns what is kept of a secret: base64. */
export const sealSecret = (key: Buffer, webhook: string, secret: string): string =>
  seal(key, purposeOf(webhook), secret).toString('base64')

/** @returns the secret, bytes in base64; undefined when it was sealed with another key. */
export function secretOf(key: Buffer, { _id, sealed, secret }: WebhookDocument): string | undefined {
  return sealed === undefined ? secret : unseal(key, purposeOf(_id), Buffer.from(sealed, 'base64'))
}

const purposeOf = (webhook: string) => `webhook ${webhook}`

/** Seals what an older version has kept as it is, and logs how many cannot be opened, which stay as they are. */
export async function sealWebhooks(webhooks: Collection<WebhookDocument>, key: Buffer, log: Log): Promise<void> {
  const closed: string[] = []
  for (const webhook of await webhooks.find().toArray()) {
    const { _id, sealed, secret } = webhook
    if (sealed === undefined && secret !== undefined) {
      // Unless another instance has done it meanwhile.
      const which = { _id, secret, sealed: { $exists: false } }
      await webhooks.updateOne(which, { $set: { sealed: sealSecret(key, _id, secret) }, $unset: { secret: 1 } })
    } else if (secretOf(key, webhook) === undefined) closed.push(_id)
  }
  if (closed.length > 0) log.error({ webhooks: closed }, `webhooks cannot be told. ${notOpened}`)
}
