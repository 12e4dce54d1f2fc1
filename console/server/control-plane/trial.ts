import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  consoleContract,
  instance,
  meshState,
  signingKey,
  startControlPlane,
  startEnvoy,
  startUsers,
  usersContract,
} from './testbed.ts'

const log = {
  info: (f: object, m: string) => console.log('I', m, f),
  warn: (f: object, m: string) => console.log('W', m, f),
}

import { writeFileSync as writeFileSync0 } from 'node:fs'

const cp = await startControlPlane('secret')
const users = await startUsers('users-1')
const web = createServer((req, res) => res.end('<h1>dashboard</h1>')).listen(0, '127.0.0.1')
await new Promise(r => setTimeout(r, 100))
const webPort = (web.address() as AddressInfo).port
const key = await signingKey('k1')
const t = performance.now()
cp.controlPlane.publish(
  meshState({
    jwks: { keys: [key.jwk] },
    services: [
      { name: 'users', contract: usersContract, instances: [instance('users-1', users.port)] },
      { name: 'console', contract: consoleContract, instances: [instance('console', 10)] },
    ],
    dashboard: { address: '127.0.0.1', port: webPort },
  }),
)
console.log('publish', performance.now() - t)
const envoy = await startEnvoy('edge-1', cp.port, 'secret').catch(e => {
  console.log(String(e))
  console.dir(cp.controlPlane.proxies(), { depth: 5 })
  process.exit(1)
})
console.log(await cp.controlPlane.whenAcked(2000))
console.dir(cp.controlPlane.proxies(), { depth: 5 })
const token = await key.token('users:read users:write')
writeFileSync0('/tmp/cd.json', await envoy.get('/config_dump'))
console.log('EDGE', envoy.edge, 'USERS', users.port)
console.log('TOKEN', token)
const { writeFileSync } = await import('node:fs')
writeFileSync(
  '/tmp/trial.env',
  `E=http://127.0.0.1:${envoy.edge}\nH=127.0.0.1:${envoy.edge}\nT=${token}\nEXP=${await key.token('users:read', { exp: 1000 })}\nAUD=${await key.token('users:read', { aud: 'x' })}\nNOSCOPE=${await key.token('profile')}\n`,
)
setInterval(() => writeFileSync('/tmp/trial.log', envoy.log()), 300)
process.on('SIGTERM', async () => {
  await envoy.stop()
  process.exit()
})
setTimeout(
  async () => {
    await envoy.stop()
    process.exit()
  },
  Number(process.env.TTL ?? 600) * 1000,
)
