/**
 * Proxies' records of requests, in messages of OpenTelemetry (opentelemetry.proto.collector.logs.v1), read by hand: of each only what
 * is counted. services/runtime/access-log.ts says what their text holds.
 */
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import { type AccessLogField, accessLogFields, accessLogSeparator } from '@site11/runtime/access-log.ts'

export interface Entry {
  /** When the request came, epoch ms, and how long it took, ms. */
  startMs: number
  durationMs: number
  /** Of the method: its path without the first slash, once it is known which it is. */
  route: string
  /** Of the instance that was chosen; empty when none was. */
  instance: string
  version: string
  /** Whether the method is a stream that lasts as long as its caller. */
  isStream: boolean
  /** The caller was gone before the end. */
  isCut: boolean
  verb: string
  /** As it was sent, without the query; empty when it is the method's. */
  restPath: string
  /** 0 when there was no answer. */
  httpStatus: number
  /** Of the answer. */
  contentType: string
  /** As Envoy has seen it; undefined when it has not. */
  grpcStatus: number | undefined
}

/** @returns the entries of an ExportLogsServiceRequest. @throws Error when it is malformed. */
export function entriesIn(message: Uint8Array): Entry[] {
  const entries: Entry[] = []
  // ResourceLogs, ScopeLogs, LogRecord.
  const records: Fields = { 2: within({ 2: reader => void entries.push(entryFrom(reader)) }) }
  each(new BinaryReader(message), undefined, { 1: within(records) })
  return entries
}

type Reader = BinaryReader
type Fields = Record<number, (reader: Reader) => void>

/** Reads the fields that are named, and passes over all others. */
function each(reader: Reader, length: number | undefined, fields: Fields): void {
  const end = length === undefined ? reader.len : reader.pos + length
  if (end > reader.len) throw new RangeError('The message ends too soon.')
  while (reader.pos < end) {
    const [number, type] = reader.tag()
    const read = fields[number]
    if (read && type !== WireType.StartGroup) read(reader)
    else reader.skip(type, number)
  }
}

function within(fields: Fields) {
  return (reader: Reader) => each(reader, reader.uint32(), fields)
}

/** What is filled in by the readers below, which are made once. */
let startMs = 0
let text = ''
const record: Fields = {
  // Nanoseconds.
  1: reader => (startMs = Number(reader.fixed64()) / 1e6),
  // AnyValue
  5: within({ 1: reader => (text = reader.string()) }),
}

const names = Object.keys(accessLogFields) as AccessLogField[]

function entryFrom(reader: Reader): Entry {
  startMs = 0
  text = ''
  each(reader, reader.uint32(), record)
  const values = text.split(accessLogSeparator, names.length)
  if (values.length < names.length)
    throw new RangeError(`A record has ${values.length} fields, and not ${names.length}.`)
  const of = (name: AccessLogField): string => {
    const value = values[places[name]] ?? ''
    return value === '-' ? '' : value
  }
  const route = of('route')
  const flags = of('flags').split(',')
  const durationUs = of('durationUs')
  return {
    startMs,
    durationMs: (durationUs === '' ? Number(of('durationMs')) : Number(durationUs) / 1000) || 0,
    route,
    instance: of('instance'),
    version: of('version'),
    isStream: of('stream') !== '',
    isCut: flags.includes('DC') || flags.includes('DR'),
    verb: of('verb'),
    restPath: of(route === 'rest' ? 'path' : 'restPath'),
    httpStatus: Number(of('httpStatus')) || 0,
    contentType: of('contentType'),
    grpcStatus: grpcStatusIn(of('trailerStatus')) ?? grpcStatusIn(of('headerStatus')),
  }
}

const places = Object.fromEntries(names.map((name, place) => [name, place])) as Record<AccessLogField, number>

const grpcStatusIn = (value: string) => (/^\d{1,2}$/.test(value) ? Number(value) : undefined)
