/** The rules and shapes of the peers' REST API, equal to what users.proto states for the three methods measured. */

const text = (maxLength: number) => ({ type: 'string', maxLength })
const time = { type: 'string', format: 'date-time' }

const profile = {
  type: 'object',
  maxProperties: 32,
  propertyNames: { pattern: '^[a-z][a-z0-9_]{0,31}$' },
  additionalProperties: text(500),
}

/** As in an answer: what fast-json-stringify writes. */
const user = {
  type: 'object',
  properties: {
    id: { type: 'string' },
    email: { type: 'string' },
    displayName: { type: 'string' },
    locale: { type: 'string' },
    timeZone: { type: 'string' },
    avatar: { type: 'string' },
    profile: { type: 'object', additionalProperties: { type: 'string' } },
    roles: { type: 'array', items: { type: 'string' } },
    state: { type: 'string' },
    disabledReason: { type: 'string' },
    disabledUntil: time,
    emailVerified: { type: 'boolean' },
    createTime: time,
    updateTime: time,
    deleteTime: time,
    etag: { type: 'string' },
  },
}

const answer = { type: 'object', properties: { user } }

export const getSchema = {
  params: { type: 'object', properties: { id: { type: 'string', format: 'uuid' } }, required: ['id'] },
  response: { 200: answer },
}

export const listSchema = {
  querystring: {
    type: 'object',
    properties: { pageSize: { type: 'integer', minimum: 0, maximum: 1000, default: 50 } },
    additionalProperties: false,
  },
  response: {
    200: { type: 'object', properties: { users: { type: 'array', items: user }, nextPageToken: { type: 'string' } } },
  },
}

export const createSchema = {
  body: {
    type: 'object',
    properties: {
      user: {
        type: 'object',
        properties: {
          email: { type: 'string', format: 'email', maxLength: 254 },
          displayName: text(100),
          locale: { type: 'string', pattern: '^([a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*)?$' },
          timeZone: { type: 'string', pattern: '^([A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*)?$' },
          avatar: text(100),
          profile,
        },
        required: ['email'],
        additionalProperties: false,
      },
    },
    required: ['user'],
    additionalProperties: false,
  },
  response: { 200: answer },
}
