/**
 * The little of the discovery protocol that the failover server speaks, read and written by hand: it lives in the supervisor, whose
 * memory a Protobuf library would more than double.
 */

/** The part of a DiscoveryRequest, or of a DeltaDiscoveryRequest, that is read. */
export type DiscoveryRequest = {
  /** Of the node; empty in all requests of a stream but the first. */
  nodeId: string
  typeUrl: string
  /** All that is asked for; in the delta variant, what is asked for from now on. */
  names: string[]
  /** Whether a response was refused. */
  refused: boolean
}

/** `value` is the binary message. */
export type Resource = { name: string; value: Uint8Array }

/** The resources of one type in their version. */
export type Resources = { typeUrl: string; versionInfo: string; resources: readonly Resource[] }

export type Variant = 'sotw' | 'delta'

/** The numbers of the fields, which differ between the variants. */
const numbers = {
  sotw: { node: 2, names: 3, typeUrl: 4, error: 6 },
  delta: { node: 1, names: 3, typeUrl: 2, error: 7 },
}
const nodeIdNumber = 1

/** Reads a request. Throws an Error when the bytes are no Protobuf message. */
export function readRequest(variant: Variant, message: Buffer): DiscoveryRequest {
  const number = numbers[variant]
  const request: DiscoveryRequest = { nodeId: '', typeUrl: '', names: [], refused: false }
  for (const [field, value] of fields(message)) {
    if (field === number.names) request.names.push(value.toString())
    else if (field === number.typeUrl) request.typeUrl = value.toString()
    else if (field === number.error) request.refused = true
    else if (field === number.node) {
      for (const [part, text] of fields(value)) if (part === nodeIdNumber) request.nodeId = text.toString()
    }
  }
  return request
}

/** Writes a DiscoveryResponse, or a DeltaDiscoveryResponse that takes nothing away and gives each resource the version of all. */
export function writeResponse(variant: Variant, { typeUrl, versionInfo, resources }: Resources, nonce: string): Buffer {
  const resource = ({ name, value }: Resource) => {
    const any = Buffer.concat([field(1, typeUrl), field(2, value)])
    const one = variant === 'sotw' ? any : Buffer.concat([field(1, versionInfo), field(2, any), field(3, name)])
    return field(2, one)
  }
  return Buffer.concat([field(1, versionInfo), ...resources.map(resource), field(4, typeUrl), field(5, nonce)])
}

/** A field of bytes or text, or a message. */
function field(number: number, value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  for (; value > 0x7f; value >>>= 7) bytes.push((value & 0x7f) | 0x80)
  return Buffer.from([...bytes, value])
}

/** The fields of bytes, text or messages, with their numbers, in their order. Others are skipped. */
function* fields(message: Buffer): Generator<[number: number, value: Buffer]> {
  let at = 0
  // Longer numbers than a double holds are skipped values, never lengths that fit.
  const next = () => {
    let value = 0
    for (let scale = 1, bytes = 0; bytes < 10; scale *= 128, bytes++) {
      const byte = message[at++]
      if (byte === undefined) throw new Error('the message ends within a number')
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
    throw new Error('a number is longer than 10 bytes')
  }
  while (at < message.length) {
    const tag = next()
    const number = Math.floor(tag / 8)
    const wireType = tag % 8
    if (wireType === 0) {
      next()
      continue
    }
    const length = wireType === 2 ? next() : { 1: 8, 5: 4 }[wireType]
    if (length === undefined) throw new Error(`there is no wire type ${wireType}`)
    if (length > message.length - at) throw new Error('the message ends within a field')
    if (wireType === 2) yield [number, message.subarray(at, at + length)]
    at += length
  }
}
