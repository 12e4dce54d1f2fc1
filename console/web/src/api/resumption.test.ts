import { create } from '@bufbuild/protobuf'
import { Code, ConnectError, createRouterTransport } from '@connectrpc/connect'
import { AuthService } from '@site11/proto/es/site11/console/v1/auth_service_pb.ts'
import { UsersService } from '@site11/proto/es/site11/users/v1/users_service_pb.ts'
import { describe, expect, test } from 'vitest'
import { createResumption, resuming } from './resumption.ts'
import type { Session } from './session.ts'

const sessionOf = (userId: string): Session => ({
  accessToken: '',
  expiresAt: 0,
  renewAt: 0,
  scopes: [],
  sessionId: '',
  userId,
})

function setUp() {
  let session: Session | undefined
  let ended = false
  const listeners: (() => void)[] = []
  const resumption = createResumption({
    current: () => session,
    hasEnded: () => ended,
    subscribe: listener => void listeners.push(listener),
  })
  const set = (next: Session | undefined, byItself = false) => {
    session = next
    ended = !next && byItself
    for (const listener of listeners) listener()
  }
  let sent = 0
  const inner = createRouterTransport(({ service }) => {
    service(AuthService, {
      login() {
        throw new ConnectError('They do not match.', Code.Unauthenticated)
      },
    })
    service(UsersService, {
      getMe() {
        sent += 1
        if (!session) throw new ConnectError('Nobody is signed in.', Code.Unauthenticated)
        return { user: { id: session.userId } }
      },
    })
  })
  const transport = resuming(inner, resumption)
  const { getMe } = UsersService.method
  const call = () => transport.unary(getMe, undefined, undefined, undefined, create(getMe.input))
  const { login } = AuthService.method
  const signIn = () => transport.unary(login, undefined, undefined, undefined, create(login.input))
  return { resumption, set, call, signIn, sent: () => sent }
}

describe('a session that ends under a page', () => {
  test('holds calls until its user is back', async () => {
    const { resumption, set, call, sent } = setUp()
    const kim = sessionOf('kim')
    set(kim)
    set(undefined, true)
    expect(resumption.asking()).toBe(true)
    expect(resumption.session()).toBe(kim)
    const answer = call()
    await expect.poll(sent).toBe(1)
    set(sessionOf('kim'))
    expect((await answer).message).toMatchObject({ user: { id: 'kim' } })
    expect(sent()).toBe(2)
    expect(resumption.asking()).toBe(false)
  })

  test('sends nothing for whoever comes instead', async () => {
    const { set, call, sent } = setUp()
    set(sessionOf('kim'))
    set(undefined, true)
    const answer = call()
    await expect.poll(sent).toBe(1)
    set(sessionOf('lee'))
    await expect(answer).rejects.toMatchObject({ code: Code.Unauthenticated })
    expect(sent()).toBe(1)
  })

  test('does not hold the sign-in, whose refusal is about the password', async () => {
    const { set, signIn } = setUp()
    set(sessionOf('kim'))
    set(undefined, true)
    await expect(signIn()).rejects.toMatchObject({ code: Code.Unauthenticated })
  })

  test('lets calls fail when its user gives up', async () => {
    const { resumption, set, call, sent } = setUp()
    set(sessionOf('kim'))
    set(undefined, true)
    const answer = call()
    await expect.poll(sent).toBe(1)
    resumption.giveUp()
    await expect(answer).rejects.toMatchObject({ code: Code.Unauthenticated })
    expect(resumption.session()).toBeUndefined()
  })
})

test('who leaves, or was never there, is asked nothing', async () => {
  const { resumption, set, call } = setUp()
  set(undefined, true)
  expect(resumption.asking()).toBe(false)
  set(sessionOf('kim'))
  set(undefined)
  expect(resumption.asking()).toBe(false)
  await expect(call()).rejects.toMatchObject({ code: Code.Unauthenticated })
})
