/** The clients that are compared, each as a function that makes one call of GetUser. */
import { Client, credentials, Metadata } from '@grpc/grpc-js'
import { UsersServiceService } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import { createClient } from '@site11/runtime/client.ts'
import type { Identity } from '@site11/runtime/identity.ts'
import { scheme, setPeersOf } from '@site11/runtime/peers.ts'

export interface Variant {
  name: string
  call(): Promise<unknown>
  close(): void
}

/** Of the length that an internal token has. */
const token = `x.${'y'.repeat(300)}.z`
const timeoutMs = 5000
const id = '0190b0b8-5f2c-7cc0-8f0a-2f9a4f6f9b11'
const { path, requestSerialize, responseDeserialize } = UsersServiceService.getUser

interface Extras {
  serviceConfig?: object
  hasToken?: boolean
  identity?: Identity | undefined
}

/** grpc-js as it is, and with what is asked for. With an identity, connections are TLS and both ends show a certificate. */
export function bare(name: string, target: string, { serviceConfig, hasToken, identity }: Extras = {}): Variant {
  const client = new Client(target, identity?.channelTo('users') ?? credentials.createInsecure(), {
    'grpc.ssl_target_name_override': 'users',
    'grpc.enable_channelz': 0,
    'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }], ...serviceConfig }),
  })
  const call = () =>
    new Promise((resolve, reject) => {
      const metadata = new Metadata()
      if (hasToken) metadata.set('authorization', `Bearer ${token}`)
      const deadline = Date.now() + timeoutMs
      const answer = (error: Error | null, value: unknown) => (error ? reject(error) : resolve(value))
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, { id }, metadata, { deadline }, answer)
    })
  return { name, call, close: () => client.close() }
}

/** Each variant has a service of its own, so that none knows what another has learned of it. */
const serviceFor = (name: string) => name.replaceAll(' ', '-').toLowerCase()

/** Through the registry's resolver. */
export function resolved(name: string, address: string, extras: Extras = {}): Variant {
  const service = serviceFor(name)
  setPeersOf(service, [{ service, address }])
  return bare(name, `${scheme}:${service}`, extras)
}

/** Ours: resolver, token, trace, breaker, retries. */
export function ours(name: string, address: string, identity?: Identity): Variant {
  const service = serviceFor(name)
  setPeersOf(service, [{ service, address }])
  const channelTo = () => identity?.channelTo('users') ?? credentials.createInsecure()
  const client = createClient(UsersServiceService, service, () => token, { channelTo })
  return { name, call: () => client.getUser({ id }), close: () => client.close() }
}

const retryPolicy = {
  maxAttempts: 3,
  initialBackoff: '0.05s',
  maxBackoff: '0.2s',
  backoffMultiplier: 2,
  retryableStatusCodes: ['UNAVAILABLE'],
}
const name = [{ service: 'site11.users.v1.UsersService' }]
/** Retries of grpc-js, as many as the contract allows. */
export const withRetries = { serviceConfig: { methodConfig: [{ name, retryPolicy }] } }
/** The same with the budget of grpc-js. */
export const withThrottling = {
  serviceConfig: { ...withRetries.serviceConfig, retryThrottling: { maxTokens: 10, tokenRatio: 0.1 } },
}
