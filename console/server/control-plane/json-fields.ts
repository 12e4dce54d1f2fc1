/**
 * Envoy's transcoder passes over fields of a JSON body that the message does not have; a caller who mistyped one would
 * never know. This makes a small Lua filter, run for REST requests with a body only, that finds the first such field.
 */
import type { DescMessage } from '@bufbuild/protobuf'
import type { EdgeMethod } from './contract.ts'
import type { HttpTemplate } from './http-template.ts'
import { unknownFieldMetadata } from './local-replies.ts'

/** The JSON names of the fields of each message, and the message that a field holds. */
export type JsonFields = Map<string, Map<string, JsonField>>

/** `unchecked`: no message, or one whose JSON form has no fields of its own. */
export type JsonField = { kind: 'unchecked' } | { kind: 'message' | 'map'; message: string }

/** Adds a message, and all that it holds. */
export function addJsonFields(message: DescMessage, known: JsonFields): void {
  if (known.has(message.typeName)) return
  const fields = new Map<string, JsonField>()
  known.set(message.typeName, fields)
  for (const field of message.fields) {
    const held = field.message && hasOwnFields(field.message) ? field.message : undefined
    const kind = field.fieldKind === 'map' ? 'map' : 'message'
    const entry: JsonField = held ? { kind, message: held.typeName } : { kind: 'unchecked' }
    for (const name of [field.name, field.jsonName]) fields.set(name, entry)
    if (held) addJsonFields(held, known)
  }
}

/** Whether the JSON form of a message is an object of its fields; that of a timestamp is a string, that of a Struct anything. */
export function hasOwnFields({ typeName }: DescMessage): boolean {
  return !typeName.startsWith('google.protobuf.') && typeName !== 'google.api.HttpBody'
}

/** The Lua filter for all methods that take a JSON body. */
export function unknownFieldsFilter(methods: EdgeMethod[], known: JsonFields): string {
  const names = [...known.keys()].sort()
  const number = new Map(names.map((name, index) => [name, index + 1]))
  const reference = (field: JsonField) => {
    if (field.kind === 'unchecked') return 'false'
    const message = `M[${number.get(field.message)}]`
    return field.kind === 'map' ? `{values=${message}}` : message
  }
  const messages = names.map(name => {
    const fields = [...(known.get(name) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1))
    return `M[${number.get(name)}].fields = {${fields.map(([key, field]) => `[${quoted(key)}]=${reference(field)}`).join(',')}}`
  })
  const bodies = methods
    .flatMap(method => method.bindings)
    .flatMap(({ verb, template, body }) => {
      const message = body && number.get(body)
      return message ? [`at(${pathOf(template)}, ${quoted(verb + verbOf(template))}, M[${message}])`] : []
    })
  return [
    'local M, paths, exact = {}, {}, {}',
    `for i = 1, ${names.length} do M[i] = {} end`,
    ...messages,
    filterSource,
    ...bodies.sort(),
  ].join('\n')
}

function pathOf({ segments }: HttpTemplate): string {
  return `{${segments.map(segment => quoted(segment.kind === 'literal' ? segment.value : '*')).join(',')}}`
}

function verbOf({ verb }: HttpTemplate): string {
  return verb && `:${verb}`
}

/** A Lua string; contracts come from services, so nothing in them may be taken for code. */
function quoted(text: string): string {
  const bytes = [...Buffer.from(text)]
  return `"${bytes.map(byte => (/\w/.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : `\\${String(byte).padStart(3, '0')}`)).join('')}"`
}

const filterSource = String.raw`
local find, byte, sub, match = string.find, string.byte, string.sub, string.match

-- Registers what a path takes, under its verb. A node has its children by name, '*' for any, and its verbs under ''. A path
-- without parts that may be anything is found as a whole.
local function at(path, verb, message)
  local whole = '/' .. table.concat(path, '/')
  if not find(whole, '*', 1, true) then exact[verb .. whole] = message end
  local node = paths
  for _, part in ipairs(path) do
    node[part] = node[part] or {}
    node = node[part]
  end
  node[''] = node[''] or {}
  node[''][verb] = message
end

local function message_of(verb, path)
  local found = exact[verb .. path]
  if found then return found end
  path = match(path, '^[^?#]*')
  local custom = match(path, ':[^/:]*$') or ''
  local node = paths
  for part in string.gmatch(sub(path, 1, #path - #custom), '[^/]+') do
    node = node[part] or node['*']
    if not node then return nil end
  end
  return node[''] and node[''][verb .. custom]
end

-- The position behind the string whose opening quote is at i.
local function behind_string(s, i)
  i = i + 1
  while true do
    i = find(s, '["\\]', i)
    if not i then return nil end
    if byte(s, i) == 34 then return i + 1 end
    i = i + 2
  end
end

-- The position of the next character that is no white space.
local function token(s, i)
  local next = byte(s, i)
  if next and next > 32 then return i end
  return (find(s, '[^ \t\r\n]', i))
end

-- The position behind the JSON value at i. Or nil, and the path of the first unknown field; no path when it is no JSON, which
-- the transcoder says better.
local function behind_value(s, i, message, depth)
  i = token(s, i)
  if not i or depth > 100 then return nil end
  local first = byte(s, i)
  if first == 34 then return behind_string(s, i) end
  if first ~= 123 and first ~= 91 then
    local _, last = find(s, '^[%w+.-]+', i)
    return last and last + 1
  end
  local is_object, closing = first == 123, first + 2
  i = token(s, i + 1)
  if i and byte(s, i) == closing then return i + 1 end
  while i do
    local name
    local inner = message
    if is_object then
      if byte(s, i) ~= 34 then return nil end
      local behind = behind_string(s, i)
      if not behind then return nil end
      name = sub(s, i + 1, behind - 2)
      if message then
        if message.fields then inner = message.fields[name] else inner = message.values end
        if inner == nil then return nil, name end
      end
      i = token(s, behind)
      if not i or byte(s, i) ~= 58 then return nil end
      i = i + 1
    end
    local path
    i, path = behind_value(s, i, inner, depth + 1)
    if not i then return nil, path and name and (name .. '.' .. path) or path end
    i = token(s, i)
    local separator = i and byte(s, i)
    if separator == closing then return i + 1 end
    if separator ~= 44 then return nil end
    i = token(s, i + 1)
  end
end

function envoy_on_request(handle)
  local headers = handle:headers()
  local message = message_of(headers:get(':method'), headers:get(':path'))
  if not message then return end
  local body = handle:body()
  if not body then return end
  local _, path = behind_value(body:getBytes(0, body:length()), 1, message, 0)
  if not path then return end
  path = string.gsub(sub(path, 1, 200), '[^%w_.-]', '?')
  handle:streamInfo():dynamicMetadata():set('${unknownFieldMetadata.filter}', '${unknownFieldMetadata.key}', path)
  handle:respond({[':status'] = '400'}, 'unknown field')
end
`
