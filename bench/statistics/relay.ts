/** Stands between one Envoy and the Console, so that this Envoy can be given a listener that is not quite what the Console says. */
import { fromBinary, fromJson, type JsonObject, toBinary, toJson } from '@bufbuild/protobuf'
import { Client, type Server, type ServerDuplexStream } from '@grpc/grpc-js'
import { createIdentity } from '@site11/runtime/identity.ts'
import { createServer, listen } from '@site11/runtime/server.ts'
import { testService } from '@site11/runtime/test-identity.ts'
import { envoyTypes, messageType } from '../../console/server/control-plane/encode.ts'
import { listenerType } from '../../console/server/control-plane/snapshot.ts'

const path = '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources'
const asIs = (bytes: Buffer) => bytes
const response = messageType('envoy.service.discovery.v3.DiscoveryResponse')

/** @param change is made to each listener, in its JSON form. @returns the port; the relay shows a certificate of testAuthority. */
export async function startRelay(
  { console, trust }: { console: string; trust: string },
  change: (listener: JsonObject) => void,
): Promise<{ port: number; stop(): void }> {
  const identity = createIdentity()
  identity.setTrust(trust)
  const client = new Client(console, identity.joining(), { 'grpc.ssl_target_name_override': 'console' })
  const server: Server = createServer()
  const streams = {
    path,
    requestStream: true,
    responseStream: true,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  } as const
  server.addService(
    { streams },
    {
      streams(proxy: ServerDuplexStream<Buffer, Buffer>) {
        const upstream = client.makeBidiStreamRequest(path, asIs, asIs, proxy.metadata)
        proxy.on('data', (bytes: Buffer) => upstream.write(bytes))
        proxy.on('end', () => upstream.end())
        proxy.on('error', () => upstream.cancel())
        upstream.on('data', (bytes: Buffer) => proxy.write(changed(bytes, change)))
        upstream.on('end', () => proxy.end())
        upstream.on('error', () => proxy.end())
      },
    },
  )
  const port = await listen(server, '127.0.0.1:0', testService('console').openServer())
  return {
    port,
    stop() {
      client.close()
      server.forceShutdown()
    },
  }
}

function changed(bytes: Buffer, change: (listener: JsonObject) => void): Buffer {
  const json = toJson(response, fromBinary(response, bytes), { registry: envoyTypes }) as JsonObject
  if (json.typeUrl !== listenerType) return bytes
  for (const resource of (json.resources ?? []) as JsonObject[]) change(resource)
  return Buffer.from(toBinary(response, fromJson(response, json, { registry: envoyTypes })))
}
