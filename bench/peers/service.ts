/**
 * Peer: a users service as is usual in Node, fastify over the MongoDB driver. It does what the mesh's Users does for the three
 * methods measured: checks token, scope and request, and keeps the same documents under the same indexes.
 */

import type { UserDocument } from '@site11/users/document.ts'
import { searchTokens } from '@site11/users/search.ts'
import fastify from 'fastify'
import { MongoClient, MongoServerError } from 'mongodb'
import { v7 as newId } from 'uuid'
import { listenAndTell, required, tokenCheckFromEnvironment } from './config.ts'
import { createSchema, getSchema, listSchema } from './schemas.ts'
import { Refused } from './token.ts'

const check = tokenCheckFromEnvironment()
const client = await MongoClient.connect(required('BENCH_MONGO_URL'), {
  maxPoolSize: 20,
  writeConcern: { w: 'majority', journal: true },
})
const users = client.db().collection<UserDocument>('users')
const projection = { passwordHash: 0, search: 0, requestKey: 0, requestHash: 0 }
// What is not in a schema is refused and not dropped, as in the mesh.
const app = fastify({ ajv: { customOptions: { removeAdditional: false } } })

/** As the answer has it, without what is not set. Nobody is disabled here. */
function toJson({ _id, version, disabledUntil, deleteTime, ...user }: UserDocument) {
  return {
    id: _id,
    ...user,
    disabledUntil: disabledUntil ?? undefined,
    deleteTime: deleteTime ?? undefined,
    state: 'USER_STATE_ACTIVE',
    etag: `v${version}`,
  }
}

app.get<{ Params: { id: string } }>('/api/v1/users/:id', { schema: getSchema }, async request => {
  await check(request.headers.authorization, 'users:read')
  const user = await users.findOne({ _id: request.params.id }, { projection })
  if (!user) throw new Refused(404, `There is no user ${request.params.id}.`)
  return { user: toJson(user) }
})

app.get<{ Querystring: { pageSize: number } }>('/api/v1/users', { schema: listSchema }, async request => {
  await check(request.headers.authorization, 'users:read')
  const { pageSize } = request.query
  const found = await users
    .find({ deleteTime: null }, { projection })
    .sort({ createTime: -1, _id: -1 })
    .limit(pageSize + 1)
    .toArray()
  const page = found.slice(0, pageSize)
  const last = found.length > pageSize ? page.at(-1) : undefined
  const nextPageToken = last ? Buffer.from(`${last.createTime.getTime()}/${last._id}`).toString('base64url') : ''
  return { users: page.map(toJson), nextPageToken }
})

type NewUser = Pick<UserDocument, 'email'> &
  Partial<Pick<UserDocument, 'displayName' | 'locale' | 'timeZone' | 'avatar' | 'profile'>>

app.post<{ Body: { user: NewUser } }>('/api/v1/users', { schema: createSchema }, async request => {
  await check(request.headers.authorization, 'users:write')
  const { displayName = '', locale = '', timeZone = '', avatar = '', profile = {}, ...rest } = request.body.user
  const email = rest.email.trim().normalize('NFC').toLowerCase()
  const now = new Date()
  const user: UserDocument = {
    _id: newId(),
    email,
    displayName,
    locale,
    timeZone,
    avatar,
    profile,
    roles: ['user'],
    disabledReason: '',
    disabledUntil: null,
    emailVerified: false,
    createTime: now,
    updateTime: now,
    deleteTime: null,
    version: 1,
    passwordVersion: 0,
    search: searchTokens(email, displayName),
  }
  try {
    await users.insertOne(user)
  } catch (error) {
    if (error instanceof MongoServerError && error.code === 11000) throw new Refused(409, `${email} is taken.`)
    throw error
  }
  return { user: toJson(user) }
})

await listenAndTell(app)
