/** As much of DER, the encoding of certificates, as writing them takes. */

/** Tag, length, content. */
export function der(tag: number, ...parts: Uint8Array[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const bytes = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  if (length > 0xffff) throw new Error(`A certificate of ${length} bytes is none that anybody takes.`)
  return Buffer.concat([Buffer.of(tag, ...bytes), content])
}

export const sequence = (...parts: Uint8Array[]) => der(0x30, ...parts)
export const set = (...parts: Uint8Array[]) => der(0x31, ...parts)
export const yes = Buffer.of(0x01, 0x01, 0xff)
export const octets = (bytes: Uint8Array) => der(0x04, bytes)
export const utf8 = (text: string) => der(0x0c, Buffer.from(text))
export const bits = (bytes: Uint8Array, unused = 0) => der(0x03, Buffer.of(unused), bytes)

/** A number below 128, or one that begins with a byte below 128. */
export const integer = (bytes: Uint8Array) => der(0x02, bytes)

/** @param dotted such as `2.5.4.3`. */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...others] = dotted.split('.').map(Number)
  const base128 = (value: number): number[] => {
    const bytes = [value & 0x7f]
    for (let rest = value >> 7; rest > 0; rest >>= 7) bytes.unshift((rest & 0x7f) | 0x80)
    return bytes
  }
  return der(0x06, Buffer.from([first * 40 + second, ...others].flatMap(base128)))
}

/** Two digits of the year until 2049, four from then on (RFC 5280). Whole seconds. */
export function time(at: Date): Buffer {
  const digits = at.toISOString().replace(/[-:T]|\..*/g, '')
  return at.getUTCFullYear() < 2050
    ? der(0x17, Buffer.from(`${digits.slice(2)}Z`))
    : der(0x18, Buffer.from(`${digits}Z`))
}
