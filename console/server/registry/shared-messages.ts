import type { RegistryServiceService } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'

type Definition = typeof RegistryServiceService

/** @returns a definition that serializes a message once that many attached instances are sent: peers are the most of what is sent. */
export function withSharedMessages(definition: Definition): Definition {
  const { attach } = definition
  const serialized = new WeakMap<object, Buffer>()
  const responseSerialize: Definition['attach']['responseSerialize'] = message => {
    const bytes = serialized.get(message) ?? attach.responseSerialize(message)
    serialized.set(message, bytes)
    return bytes
  }
  return { ...definition, attach: { ...attach, responseSerialize } }
}
