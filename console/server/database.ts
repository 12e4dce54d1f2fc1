import { type Db, MongoClient } from 'mongodb'

export interface Store {
  db: Db
  ping(): Promise<void>
  close(): Promise<void>
}

export async function connectStore({ url, appName }: { url: string; appName: string }): Promise<Store> {
  const client = new MongoClient(url, {
    appName,
    maxPoolSize: 10,
    serverSelectionTimeoutMS: 2000,
    connectTimeoutMS: 2000,
    socketTimeoutMS: 10_000,
    writeConcern: { w: 'majority', journal: true },
  })
  const db = client.db()
  return {
    db,
    async ping() {
      await db.command({ ping: 1 }, { timeoutMS: 2000 })
    },
    close: () => client.close(),
  }
}
