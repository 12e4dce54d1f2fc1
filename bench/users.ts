/** The users that the bench reads, the same for every system, and the removal of those that it creates. */
import { MongoClient } from 'mongodb'
import { createdPrefix } from './operations.ts'

export const peerDatabase = 'bench_db'
const ownDatabase = 'users_db'
const parallel = 16

/** Creates `count` users through the REST API at `base`. @returns their ids. */
export async function createUsers(base: string, token: string, count: number): Promise<string[]> {
  const ids: string[] = []
  let next = 0
  const client = async () => {
    while (next < count) {
      const n = next++
      const response = await fetch(`${base}/api/v1/users`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ user: userNumber(n) }),
      })
      const body = await response.json()
      if (!response.ok) throw new Error(`User ${n} cannot be created: ${JSON.stringify(body)}`)
      ids.push(body.user.id)
    }
  }
  await Promise.all(Array.from({ length: parallel }, client))
  return ids
}

function userNumber(n: number) {
  const korean = n % 2 === 0
  return {
    email: `user-${n}@example.com`,
    displayName: korean ? `김철수 ${n}` : `Ada Lovelace ${n}`,
    locale: korean ? 'ko-KR' : 'en-GB',
    timeZone: korean ? 'Asia/Seoul' : 'Europe/London',
    profile: { company: 'Example', phone: `+82 10 ${n}` },
  }
}

export interface UserData {
  /** Removes what the bench has created, so that all begin with the same. */
  clean(): Promise<void>
  close(): Promise<void>
}

/** Gives the peers a database with the same documents and indexes as the Users service has. @param url an administrator's. */
export async function shareUsers(url: string): Promise<UserData> {
  const client = await MongoClient.connect(url)
  const own = client.db(ownDatabase).collection('users')
  const theirs = client.db(peerDatabase).collection('users')
  await own.aggregate([{ $out: { db: peerDatabase, coll: 'users' } }]).toArray()
  for (const { key, v, ns, ...options } of await own.indexes()) {
    if (options.name !== '_id_') await theirs.createIndex(key, options)
  }
  const created = { email: { $regex: `^${createdPrefix}` } }
  return {
    async clean() {
      await Promise.all([own.deleteMany(created), theirs.deleteMany(created)])
    },
    close: () => client.close(),
  }
}
