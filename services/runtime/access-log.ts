/**
 * The record that proxies make of each request for Statistics, as both ends know it: one text, its fields in this order with a tab
 * between. As one text, since it costs the edge half of what a message with a field for each does.
 */

/** The part of the metadata of endpoints and routes that records are made from. */
export const accessLogMetadata = 'site11'

/** Each field by its name, and the operator of Envoy's access log that makes it. What is not there is `-`. */
export const accessLogFields = {
  /** 0 when there was no answer. */
  httpStatus: '%RESPONSE_CODE%',
  /** Of gRPC: in the trailers, or in the headers when there is nothing else. */
  trailerStatus: '%TRAILER(GRPC-STATUS)%',
  headerStatus: '%RESP(GRPC-STATUS)%',
  /** From the first byte of the request to the last of the answer; ms when there was no last one. */
  durationUs: '%COMMON_DURATION(DS_RX_BEG:DS_TX_END:us)%',
  durationMs: '%DURATION%',
  /** The method, once it is known which it is. */
  route: '%ROUTE_NAME%',
  /** Of the instance that was chosen. */
  instance: `%UPSTREAM_METADATA(${accessLogMetadata}:instance)%`,
  version: `%UPSTREAM_METADATA(${accessLogMetadata}:version)%`,
  /** `yes` for a method whose stream lasts as long as its caller. */
  stream: `%METADATA(ROUTE:${accessLogMetadata}:stream)%`,
  /** Envoy's flags, with commas between. */
  flags: '%RESPONSE_FLAGS%',
  verb: '%REQ(:METHOD)%',
  /** Without the query, which may hold what is nobody's business. */
  path: '%PATH(NQ:PATH)%',
  /** As it was sent, when it is another than the method's. */
  restPath: '%PATH(NQ:ORIG)%',
  /** Of the answer. Last, as it is the one field that may hold a tab. */
  contentType: '%RESP(CONTENT-TYPE)%',
} as const

export type AccessLogField = keyof typeof accessLogFields
export const accessLogSeparator = '\t'
