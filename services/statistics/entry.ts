/**
 * Envoy's records of requests (envoy.service.accesslog.v3), read by hand: of each only what is counted, as nearly all of the bytes are
 * not. What console/server/control-plane/access-log-stream.ts configures is what comes here.
 */
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'

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

/** @returns the entries of a StreamAccessLogsMessage. @throws Error when it is malformed. */
export function entriesIn(message: Uint8Array): Entry[] {
  const entries: Entry[] = []
  each(new BinaryReader(message), undefined, {
    // HTTPAccessLogEntries
    2: reader => each(reader, reader.uint32(), { 1: inner => void entries.push(entryFrom(inner)) }),
  })
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

/** What is filled in by the readers below, which are made once. */
let entry: Entry
let ms = 0
let key = ''
let value = ''

const pair: Fields = {
  1: reader => (key = reader.string()),
  2: reader => (value = reader.string()),
}
const takes = (take: () => void) => (reader: Reader) => {
  key = ''
  value = ''
  each(reader, reader.uint32(), pair)
  take()
}
/** Timestamp and Duration. */
const time: Fields = {
  1: reader => (ms += Number(reader.int64()) * 1000),
  2: reader => (ms += reader.int32() / 1e6),
}
const timeIn = (reader: Reader) => {
  ms = 0
  each(reader, reader.uint32(), time)
  return ms
}

const cut = (reader: Reader) => {
  if (reader.bool()) entry.isCut = true
}
const responseFlags: Fields = { 15: cut, 28: cut }
const tag = takes(() => {
  if (key === 'instance') entry.instance = value
  else if (key === 'version') entry.version = value
  else if (key === 'stream') entry.isStream = true
})
const common: Fields = {
  5: reader => (entry.startMs = timeIn(reader)),
  16: reader => each(reader, reader.uint32(), responseFlags),
  19: reader => (entry.route = reader.string()),
  22: tag,
  23: reader => (entry.durationMs = timeIn(reader)),
}

const verbs = ['', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH']
let path = ''
const request: Fields = {
  1: reader => (entry.verb = verbs[reader.int32()] ?? ''),
  5: reader => (path = reader.string()),
  10: reader => (entry.restPath = reader.string()),
}

const status = (text: string) => {
  if (/^\d{1,2}$/.test(text)) entry.grpcStatus = Number(text)
}
const header = takes(() => {
  if (key === 'content-type') entry.contentType = value
  else if (key === 'grpc-status') status(value)
})
const response: Fields = {
  1: reader => each(reader, reader.uint32(), { 1: inner => (entry.httpStatus = inner.uint32()) }),
  4: header,
  5: header,
}

const parts: Fields = {
  1: reader => each(reader, reader.uint32(), common),
  3: reader => each(reader, reader.uint32(), request),
  4: reader => each(reader, reader.uint32(), response),
}

function entryFrom(reader: Reader): Entry {
  entry = {
    startMs: 0,
    durationMs: 0,
    route: '',
    instance: '',
    version: '',
    isStream: false,
    isCut: false,
    verb: '',
    restPath: '',
    httpStatus: 0,
    contentType: '',
    grpcStatus: undefined,
  }
  path = ''
  each(reader, reader.uint32(), parts)
  if (entry.route === 'rest') entry.restPath = path
  entry.restPath = entry.restPath.split('?', 1)[0] ?? ''
  return entry
}
