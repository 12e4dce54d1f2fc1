/**
 * The path templates of google.api.http (`/api/v1/users/{id}:disable`): parsed, turned into regular expressions, and
 * compared. Envoy's transcoder does the mapping itself; this is for telling a wrong verb from an unknown path.
 */

type Segment = { kind: 'literal'; value: string } | { kind: 'any' } | { kind: 'rest' }

export type HttpTemplate = {
  segments: Segment[]
  /** The custom verb after the colon, or empty. */
  verb: string
  /** The request fields that the path binds, such as `user.id`. */
  fields: string[]
}

/** Parses a template. Throws an Error that says what is wrong with it. */
export function parseTemplate(template: string): HttpTemplate {
  if (!template.startsWith('/')) throw new Error(`the path ${template} must begin with a slash`)
  const fields: string[] = []
  const flat = template.replace(/\{([^{}=]*)(?:=([^{}]*))?\}/g, (_, field: string, pattern?: string) => {
    if (!/^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)*$/i.test(field)) {
      throw new Error(`the path ${template} has {${field}}, which is not the name of a field`)
    }
    if (fields.includes(field)) throw new Error(`the path ${template} binds ${field} twice`)
    fields.push(field)
    return pattern ?? '*'
  })
  const colon = flat.indexOf(':', flat.lastIndexOf('/'))
  const path = colon < 0 ? flat : flat.slice(0, colon)
  const verb = colon < 0 ? '' : flat.slice(colon + 1)
  const segments = path
    .slice(1)
    .split('/')
    .map((value): Segment => {
      if (value === '*') return { kind: 'any' }
      if (value === '**') return { kind: 'rest' }
      if (!/^[\w.~-]+$/.test(value))
        throw new Error(`the path ${template} has a segment that cannot be read: "${value}"`)
      return { kind: 'literal', value }
    })
  if (colon >= 0 && !/^[\w.~-]+$/.test(verb)) throw new Error(`the path ${template} has a verb that cannot be read`)
  if (segments.slice(0, -1).some(segment => segment.kind === 'rest')) {
    throw new Error(`the path ${template} has ** before its end`)
  }
  return { segments, verb, fields }
}

/** A regular expression (RE2) for the whole path. A variable at the end matches no colon, so as not to swallow a verb. */
export function templateRegex({ segments, verb }: HttpTemplate): string {
  const parts = segments.map((segment, index) => {
    if (segment.kind === 'literal') return escapeRegex(segment.value)
    if (segment.kind === 'rest') return '.*'
    return index === segments.length - 1 ? '[^/:]+' : '[^/]+'
  })
  return `/${parts.join('/')}${verb ? `:${escapeRegex(verb)}` : ''}`
}

/** Whether some path matches both. */
export function templatesOverlap(a: HttpTemplate, b: HttpTemplate): boolean {
  if (a.verb !== b.verb) return false
  for (let index = 0; ; index += 1) {
    const left = a.segments[index]
    const right = b.segments[index]
    if (left?.kind === 'rest' || right?.kind === 'rest') return true
    if (!left || !right) return left === right
    if (left.kind === 'literal' && right.kind === 'literal' && left.value !== right.value) return false
  }
}

function escapeRegex(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}
