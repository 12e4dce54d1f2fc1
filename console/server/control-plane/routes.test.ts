import { describe, expect, it } from 'vitest'
import { contractsFrom } from './contract.ts'
import type { Json } from './encode.ts'
import { filterNames } from './filters.ts'
import { routesFrom } from './routes.ts'
import { meshState } from './testbed.ts'
import { versionsFrom } from './versions.ts'

type Route = {
  name: string
  match: { path?: string; prefix?: string; safe_regex?: { regex: string }; headers?: Json[] }
  route?: {
    cluster: string
    timeout?: string
    idle_timeout?: string
    retry_policy: { retry_on: string; num_retries: number }
  }
  direct_response?: Json
  typed_per_filter_config: Record<string, Json>
}

function routes(change = (state: ReturnType<typeof meshState>) => state): Route[] {
  const state = change(meshState())
  const config = routesFrom(state, contractsFrom(state.services), versionsFrom(state.services)) as unknown as {
    virtual_hosts: [{ routes: Route[] }]
  }
  return config.virtual_hosts[0].routes
}

const users = (method: string) => `site11.users.v1.UsersService/${method}`
const routeOf = (method: string) =>
  routes().find(route => route.name === users(method)) ?? expect.fail(`no route for ${method}`)

describe('the route of a method', () => {
  it('is there for every method that the edge serves, by its exact path', () => {
    const paths = routes().flatMap(route => route.match.path ?? [])
    expect(paths).toEqual(contractsFrom(meshState().services).methods.map(method => method.path))
    expect(paths).not.toContain(`/${users('VerifyPassword')}`)
  })

  it('has the timeout of its policy; a stream without one may be silent for long', () => {
    expect(routeOf('GetUser').route).toMatchObject({ cluster: 'users', timeout: '5s' })
    expect(routeOf('WatchUsers').route).toMatchObject({ timeout: '0s', idle_timeout: '3600s' })
  })

  it('repeats reads, and of writes only what no instance has seen', () => {
    const policy = (method: string) => routeOf(method).route?.retry_policy
    expect(policy('GetUser')).toMatchObject({ retry_on: expect.stringContaining('unavailable'), num_retries: 2 })
    for (const method of ['CreateUser', 'UpdateUser']) {
      expect(policy(method)?.retry_on.split(',').sort()).toEqual(['connect-failure', 'refused-stream'])
    }
  })

  it('asks for the scope, for a token, or for nothing', () => {
    const scoped = routeOf('GetUser').typed_per_filter_config
    expect(JSON.stringify(scoped[filterNames.rbac])).toContain('users:read')
    expect(scoped[filterNames.jwt]).toBeUndefined()
    const open = routeOf('VerifyEmail').typed_per_filter_config
    expect(open[filterNames.jwt]).toMatchObject({ disabled: true })
    expect(open[filterNames.rbac]).not.toHaveProperty('rbac')
    const signedIn = routes().find(route => route.name.endsWith('/ListSessions'))?.typed_per_filter_config
    expect(signedIn?.[filterNames.jwt]).toBeUndefined()
    expect(signedIn?.[filterNames.rbac]).not.toHaveProperty('rbac')
  })

  it('never takes jwt_authn or rbac out of the chain: a transcoded request has been given its chain before', () => {
    for (const route of routes().filter(each => each.match.path)) {
      for (const config of Object.values(route.typed_per_filter_config)) {
        expect(config['@type']).not.toContain('route.v3.FilterConfig')
      }
    }
  })

  it('has the rate limit of its policy, in force', () => {
    expect(routeOf('VerifyEmail').typed_per_filter_config[filterNames.rateLimit]).toMatchObject({
      token_bucket: { max_tokens: 300, fill_interval: '60s' },
      filter_enforced: { default_value: { numerator: 100 } },
    })
    expect(routeOf('GetUser').typed_per_filter_config[filterNames.rateLimit]).toBeUndefined()
  })
})

describe('a path under another verb', () => {
  const refused = (verb: string, path: string) =>
    routes().find(route => {
      const verbs =
        route.match.headers?.map(header => (header.string_match as { exact: string } | undefined)?.exact) ?? []
      return (
        route.name === 'rest-wrong-verb' &&
        !verbs.includes(verb) &&
        new RegExp(`^(?:${route.match.safe_regex?.regex})$`).test(path)
      )
    })

  it.each([
    ['DELETE', '/api/v1/users', true],
    ['GET', '/api/v1/users', false],
    ['PUT', '/api/v1/users/42', true],
    ['GET', '/api/v1/users/42:disable', true],
    ['POST', '/api/v1/users/42:disable', false],
    ['POST', '/api/v1/users/42', true],
    ['DELETE', '/api/v1/users/me', false],
    ['GET', '/api/v1/nothing', false],
  ])('%s %s is refused: %s', (verb, path, expected) => {
    expect(refused(verb, path) !== undefined).toBe(expected)
  })
})
