import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { bootstrapOptions, envoyBootstrap } from './bootstrap.ts'

const env = {
  SITE11_NODE_ID: 'edge-1',
  SITE11_ENVOY_ADMIN_PORT: '9901',
  SITE11_CONSOLE: '127.0.0.1:8101',
  SITE11_JOIN_TOKEN: 'secret',
  SITE11_CA: '/trust/ca.pem',
}

describe('the bootstrap of Envoy', () => {
  it('is made from the environment', () => {
    expect(bootstrapOptions(env)).toEqual({
      nodeId: 'edge-1',
      adminPort: 9901,
      consoleHost: '127.0.0.1',
      consolePort: 8101,
      joinToken: 'secret',
      trustFile: '/trust/ca.pem',
    })
    expect(bootstrapOptions({ ...env, SITE11_CONSOLE: '[::1]:8101' })).toMatchObject({
      consoleHost: '::1',
      consolePort: 8101,
    })
  })

  it('may have a failover', () => {
    const options = bootstrapOptions({ ...env, SITE11_FAILOVER: 'failover:8104' })
    expect(options.failover).toEqual({ host: 'failover', port: 8104 })
    const sources = (more: object) =>
      envoyBootstrap({ ...options, failover: undefined, ...more }) as {
        dynamic_resources: { ads_config: { grpc_services: unknown[]; api_type: string } }
        static_resources: { clusters: unknown[] }
        node: object
      }
    expect(sources({}).dynamic_resources.ads_config.grpc_services).toHaveLength(1)
    const both = sources({ failover: options.failover })
    expect(both.dynamic_resources.ads_config.grpc_services).toHaveLength(2)
    expect(both.static_resources.clusters).toMatchObject([{ type: 'STATIC' }, { type: 'STRICT_DNS' }])
    expect(() => bootstrapOptions({ ...env, SITE11_FAILOVER: 'failover' })).toThrow('SITE11_FAILOVER')
  })

  it('tells the Console where this proxy alone listens', () => {
    const bootstrap = envoyBootstrap({ ...bootstrapOptions(env), edge: { host: '10.0.0.1', port: 8100 } })
    expect(bootstrap).toMatchObject({ node: { metadata: { edge_address: '10.0.0.1', edge_port: 8100 } } })
  })

  it.each([
    ['SITE11_NODE_ID', ''],
    ['SITE11_JOIN_TOKEN', undefined],
    ['SITE11_CA', undefined],
    ['SITE11_ENVOY_ADMIN_PORT', '99999'],
    ['SITE11_ENVOY_ADMIN_PORT', 'x'],
    ['SITE11_CONSOLE', 'nowhere'],
    ['SITE11_CONSOLE', ':8101'],
    ['SITE11_CONSOLE', 'console:'],
    ['SITE11_CONSOLE', 'console:0'],
  ])('names what is wrong: %s=%s', (name, value) => {
    expect(() => bootstrapOptions({ ...env, [name]: value })).toThrow(name)
  })

  it('names everything that is missing at once', () => {
    expect(() => bootstrapOptions({})).toThrow(/NODE_ID.*ADMIN_PORT.*CONSOLE.*JOIN_TOKEN/s)
  })

  it('resolves a name, and takes an address as it is', () => {
    const typeOf = (consoleHost: string) =>
      envoyBootstrap({ nodeId: 'x', adminPort: 1, consoleHost, consolePort: 2, joinToken: 'y', trustFile: '/z' })
    expect(typeOf('console')).toMatchObject({ static_resources: { clusters: [{ type: 'STRICT_DNS' }] } })
    expect(typeOf('10.0.0.1')).toMatchObject({ static_resources: { clusters: [{ type: 'STATIC' }] } })
  })

  it('is printed as JSON; without an environment the command fails and says what it needs', async () => {
    const run = (environment: Record<string, string>) =>
      promisify(execFile)(process.execPath, [join(import.meta.dirname, 'bootstrap.ts')], { env: environment })
    expect(JSON.parse((await run(env)).stdout)).toMatchObject({ node: { id: 'edge-1' } })
    await expect(run({})).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('SITE11_JOIN_TOKEN') })
  })
})
