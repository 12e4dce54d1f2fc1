/**
 * A write may be sent again when it carries a request_id. Whether it does is in its message, so this is a small Lua filter, run for such
 * methods only, behind all that may refuse a call. It tells the router, by the headers that are the router's own and never come from
 * callers, to treat the write as a read is treated.
 */
import { type Json, seconds } from './encode.ts'

/** Also where a route keeps what the filter asks for. */
export const repeatableFilter = 'site11.repeatable'

/** What of a failed call makes another attempt worth it, once it may have been handled. */
const retryOn = { http: 'reset,connect-failure,refused-stream', grpc: 'unavailable' }
export const retryOnOfReads = `${retryOn.http},${retryOn.grpc}`

/**
 * An instance that is silent for this part of the time may hang: another is asked as well, and the first answer counts. What is
 * silent several times in a row is ejected.
 */
const patience = 1 / 5

const patienceMs = (timeoutMs: number): number => Math.round(timeoutMs * patience)

/** The parts of a retry policy, and of a route's action, that have another instance asked as well. Streams may be silent. */
export function hedging(timeoutMs: number): { retryPolicy: Json; action: Json } {
  if (timeoutMs === 0) return { retryPolicy: {}, action: {} }
  return {
    retryPolicy: { per_try_timeout: seconds(patienceMs(timeoutMs)) },
    action: { hedge_policy: { hedge_on_per_try_timeout: true } },
  }
}

/** What a route tells the filter: which field of the message is the request_id, and how long an instance may be silent. */
export const repeatableMetadata = (requestIdField: number, timeoutMs: number): Json => ({
  field: requestIdField,
  patience: String(patienceMs(timeoutMs)),
})

/** The message is a gRPC frame: five bytes, then fields. Only their tags and lengths are looked at. */
export const repeatableSource = `
local byte = string.byte

-- A varint at i: its value and the position behind it.
local function varint(s, i)
  local value, scale = 0, 1
  while true do
    local b = byte(s, i)
    if not b or scale > 2 ^ 63 then return nil end
    i = i + 1
    if b < 128 then return value + b * scale, i end
    value, scale = value + (b - 128) * scale, scale * 128
  end
end

-- Whether the message that begins at i has a field of this number that is not empty.
local function has(s, i, wanted)
  while i <= #s do
    local tag, size
    tag, i = varint(s, i)
    if not tag then return false end
    local kind = tag % 8
    if kind == 0 then
      size, i = varint(s, i)
      if not size then return false end
    elseif kind == 1 then i = i + 8
    elseif kind == 5 then i = i + 4
    elseif kind == 2 then
      size, i = varint(s, i)
      if not size then return false end
      if size > 0 and (tag - kind) / 8 == wanted then return true end
      i = i + size
    else return false end
  end
  return false
end

function envoy_on_request(handle)
  -- To be read before the body is waited for: then the route is not there any more.
  local route = handle:metadata()
  local field, patience = route:get('field'), route:get('patience')
  local body = field and handle:body()
  if not body or body:length() < 6 then return end
  local bytes = body:getBytes(0, body:length())
  -- Compressed, or something else.
  if byte(bytes, 1) ~= 0 or not has(bytes, 6, field) then return end
  local headers = handle:headers()
  headers:replace('x-envoy-retry-on', '${retryOn.http}')
  headers:replace('x-envoy-retry-grpc-on', '${retryOn.grpc}')
  headers:replace('x-envoy-upstream-rq-per-try-timeout-ms', patience)
  headers:replace('x-envoy-hedge-on-per-try-timeout', 'true')
end
`
