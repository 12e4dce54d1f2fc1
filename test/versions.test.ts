/** Versions of a service as operators and callers meet them: weights over the API, X-API-Version at the edge. */
import { afterEach, describe, expect, test } from 'vitest'
import { admin, register } from './accounts.ts'
import { apiOver, mesh, refusalOf, transports } from './api.ts'
import { send } from './http.ts'

const { registry, diagnostics } = apiOver('REST', admin)
afterEach(async () => {
  await registry.setTraffic({ service: 'users', weights: [] })
})

describe.each(transports)('over %s', transport => {
  test('a version of the API that is served is as none, and another is refused with those that there are', async () => {
    const { session } = await register()
    const asking = (version: string) =>
      apiOver(transport, async () => session.accessToken, { 'x-api-version': version })
    expect((await asking('1.0').users.getMe({})).user?.id).toBe(session.userId)
    expect((await asking('1.0').auth.getMe({})).userId).toBe(session.userId)
    for (const call of [() => asking('1.7').users.getMe({}), () => asking('1.7').auth.getMe({})]) {
      const refusal = await refusalOf(call())
      expect(refusal).toMatchObject({
        code: 'FailedPrecondition',
        reason: 'VERSION_NOT_SERVED',
        metadata: { api_versions: '1.0' },
      })
      expect(refusal.message).toContain('1.0')
    }
  })

  test('weights are set, shown with the versions, put down, and in force at every proxy when WaitForAcks says so', async () => {
    const { registry: own } = apiOver(transport, admin)
    const [version] = (await own.getTraffic({ service: 'users' })).versions
    expect(version).toMatchObject({ apiVersions: ['1.0'], instances: 1, serving: 1 })
    const weights = [{ version: version?.version ?? '', percent: 100 }]
    const { change } = await own.setTraffic({ service: 'users', weights })
    expect(await diagnostics.waitForAcks({ change })).toMatchObject({ waiting: [] })
    expect((await own.getTraffic({ service: 'users' })).weights).toMatchObject(weights)
    const { changes } = await diagnostics.listChanges({ filter: 'subject = "services/users"', pageSize: 1 })
    expect(changes[0]).toMatchObject({ id: change, action: 'service.traffic' })
    const { session } = await register()
    expect((await apiOver(transport, async () => session.accessToken).users.getMe({})).user?.id).toBe(session.userId)
  })

  test('weights that make no sense are refused', async () => {
    const { registry: own } = apiOver(transport, admin)
    const set = (...weights: [string, number][]) =>
      refusalOf(
        own.setTraffic({ service: 'users', weights: weights.map(([version, percent]) => ({ version, percent })) }),
      )
    expect(await set(['0.1.0', 90])).toMatchObject({ code: 'InvalidArgument', fields: ['weights'] })
    expect(await set(['9.9.9', 100])).toMatchObject({ code: 'FailedPrecondition', reason: 'WRONG_STATE' })
    expect(await refusalOf(own.setTraffic({ service: 'nothing' }))).toMatchObject({ code: 'NotFound' })
  })
})

test('REST callers use the path that the documentation names', async () => {
  const path = '/api/v1/services/users/traffic'
  const token = await admin()
  const shown = await send(mesh.url, path, { token })
  expect(shown.json()).toMatchObject({ weights: [], versions: [{ instances: 1 }] })
  const body = { weights: [{ version: '9.9.9', percent: 100 }] }
  expect((await send(mesh.url, path, { method: 'PUT', token, body })).status).toBe(400)
  expect((await send(mesh.url, path, { method: 'PUT', body })).status).toBe(401)
})
