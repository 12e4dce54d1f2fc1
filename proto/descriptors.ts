/** Where the generated descriptor sets are (see generate.ts), as absolute paths. */
import { join } from 'node:path'

/** Our own contracts with all imports and comments: a serialized google.protobuf.FileDescriptorSet. */
export const site11Descriptors = join(import.meta.dirname, 'gen/site11.binpb')

/** The part of the Envoy v3 API that the control plane speaks. */
export const envoyDescriptors = join(import.meta.dirname, 'gen/envoy.binpb')
