/** Records of requests as a proxy sends them, for tests and benches. */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { type AccessLogField, accessLogFields, accessLogSeparator } from '@site11/runtime/access-log.ts'

export interface TestRecord {
  startMs: number
  /** Those that are left out are not there. */
  fields: Partial<Record<AccessLogField, string>>
}

/** @returns an ExportLogsServiceRequest. */
export function messageOf(records: readonly TestRecord[]): Uint8Array {
  const writer = new BinaryWriter()
  const nested = (field: number) => writer.tag(field, WireType.LengthDelimited).fork()
  // ResourceLogs, ScopeLogs.
  nested(1)
  nested(2)
  for (const { startMs, fields } of records) {
    nested(2)
    writer.tag(1, WireType.Bit64).fixed64(BigInt(Math.round(startMs * 1000)) * 1000n)
    nested(5)
    const values = (Object.keys(accessLogFields) as AccessLogField[]).map(name => fields[name] ?? '-')
    writer.tag(1, WireType.LengthDelimited).string(values.join(accessLogSeparator))
    writer.join().join()
  }
  return writer.join().join().finish()
}
