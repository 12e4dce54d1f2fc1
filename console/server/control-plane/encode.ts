/** Envoy's resources: written as its documentation shows them, sent as binary Protobuf. */
import { readFileSync } from 'node:fs'
import { createFileRegistry, type DescMessage, fromBinary, fromJson, type JsonObject } from '@bufbuild/protobuf'
import { type Any, AnySchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { envoyDescriptors } from '@site11/proto/descriptors'

/** A resource as in Envoy's documentation: snake_case names, `@type` where Protobuf has an Any. */
export type Json = JsonObject

/** Every message of the Envoy v3 API that the control plane writes or reads. */
export const envoyTypes = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(envoyDescriptors)))

/** The type of a message of the Envoy API, by its full name. */
export function messageType(name: string): DescMessage {
  const type = envoyTypes.getMessage(name)
  if (!type) throw new Error(`proto/gen/envoy.binpb lacks ${name}: run npm run generate`)
  return type
}

/**
 * Encodes a resource. Equal resources give equal bytes. Throws an Error naming the resource, the message and the field
 * when a field is unknown or a value does not fit.
 */
export function encode(name: string, resource: Json): Any {
  try {
    return fromJson(AnySchema, resource, { registry: envoyTypes })
  } catch (cause) {
    throw new Error(`${name}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}

/** Protobuf's JSON form of a duration given in milliseconds. */
export function seconds(ms: number): string {
  return `${ms / 1000}s`
}
