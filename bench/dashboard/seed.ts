/** Many users at once: as documents, since to make each by a call would take minutes. */
import { randomUUID } from 'node:crypto'
import type { UserDocument } from '@site11/users/document.ts'
import { searchTokens } from '@site11/users/search.ts'
import { MongoClient } from 'mongodb'
import { v7 } from 'uuid'

const batch = 2_000
const families = ['김', '이', '박', '최', '정', '강', '조', '윤']
const given = ['철수', '영희', '민준', '서연', '지훈', '하은', '도윤', '수아']
const english = ['Ada Lovelace', 'Grace Hopper', 'Alan Turing', 'Barbara Liskov']

function documentOf(n: number, createTime: Date): UserDocument {
  const korean = n % 3 > 0
  const displayName = korean
    ? `${families[n % families.length]}${given[Math.floor(n / families.length) % given.length]}`
    : `${english[n % english.length]} ${n}`
  const email = `user-${n}@example.com`
  const disabled = n % 29 === 0
  return {
    _id: v7({ msecs: createTime.getTime() }),
    email,
    displayName,
    locale: korean ? 'ko-KR' : 'en-GB',
    timeZone: korean ? 'Asia/Seoul' : 'Europe/London',
    avatar: '',
    profile: { company: 'Example' },
    roles: n % 500 === 0 ? ['operator', 'user'] : ['user'],
    disabledReason: disabled ? '휴면 계정' : '',
    disabledUntil: disabled ? new Date('9999-12-31T23:59:59.999Z') : null,
    emailVerified: n % 2 === 0,
    createTime,
    updateTime: createTime,
    deleteTime: null,
    version: 1,
    passwordVersion: 0,
    search: searchTokens(email, displayName),
  }
}

/** @param url an administrator's of the mesh's mongod. */
export async function seedUsers(url: string, count: number): Promise<void> {
  const client = await MongoClient.connect(url, { appName: `seed-${randomUUID().slice(0, 8)}` })
  try {
    const users = client.db('users_db').collection<UserDocument>('users')
    const start = Date.now() - count * 1000
    for (let from = 0; from < count; from += batch) {
      const documents = Array.from({ length: Math.min(batch, count - from) }, (_, place) =>
        documentOf(from + place, new Date(start + (from + place) * 1000)),
      )
      await users.insertMany(documents, { ordered: false })
    }
  } finally {
    await client.close()
  }
}
