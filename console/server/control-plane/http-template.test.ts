import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseTemplate, templateRegex, templatesOverlap } from './http-template.ts'

const matches = (template: string, path: string) =>
  new RegExp(`^(?:${templateRegex(parseTemplate(template))})$`).test(path)
const overlap = (a: string, b: string) => templatesOverlap(parseTemplate(a), parseTemplate(b))

describe('a path template', () => {
  it.each([
    ['/api/v1/users', '/api/v1/users', true],
    ['/api/v1/users', '/api/v1/users/', false],
    ['/api/v1/users/{id}', '/api/v1/users/42', true],
    ['/api/v1/users/{id}', '/api/v1/users/42/x', false],
    ['/api/v1/users/{id}', '/api/v1/users/42:disable', false],
    ['/api/v1/users/{id}:disable', '/api/v1/users/42:disable', true],
    ['/api/v1/users/{user.id}', '/api/v1/users/42', true],
    ['/api/v1/{name=users/*}/keys', '/api/v1/users/42/keys', true],
    ['/api/v1/files/{path=**}', '/api/v1/files/a/b/c', true],
    ['/api/v1/a.b', '/api/v1/aXb', false],
  ])('%s matches %s: %s', (template, path, expected) => {
    expect(matches(template, path)).toBe(expected)
  })

  it('names the fields that it binds', () => {
    expect(parseTemplate('/api/v1/users/{user.id}/keys/{key=*}').fields).toEqual(['user.id', 'key'])
  })

  it.each([
    'api/v1',
    '/api/{}',
    '/api/{a b}',
    '/api/{id}/{id}',
    '/api/{id',
    '/api//x',
    '/api/**/x',
    '/api/x:',
    '/api/ä',
    '/api/{a=b{c}}',
  ])('that is malformed is refused: %s', template => {
    expect(() => parseTemplate(template)).toThrow()
  })

  it.each([
    ['/api/users/{id}', '/api/users/me', true],
    ['/api/users/{id}', '/api/users/{name}', true],
    ['/api/users/{id}', '/api/users', false],
    ['/api/users/{id}:x', '/api/users/{id}', false],
    ['/api/files/{path=**}', '/api/files/a/b', true],
    ['/api/users/a', '/api/users/b', false],
  ])('%s and %s overlap: %s', (a, b, expected) => {
    expect(overlap(a, b)).toBe(expected)
    expect(overlap(b, a)).toBe(expected)
  })

  it('overlaps with every other that matches the same path', () => {
    const segment = fc.constantFrom('a', 'b', '*')
    const template = fc.tuple(fc.array(segment, { minLength: 1, maxLength: 4 }), fc.constantFrom('', ':x'))
    const path = fc.tuple(
      fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 4 }),
      fc.constantFrom('', ':x'),
    )
    fc.assert(
      fc.property(template, template, path, (left, right, [segments, verb]) => {
        const [a, b] = [left, right].map(([parts, end]) => `/${parts.join('/')}${end}`)
        if (a === undefined || b === undefined) return
        const text = `/${segments.join('/')}${verb}`
        if (matches(a, text) && matches(b, text)) expect(overlap(a, b)).toBe(true)
      }),
    )
  })

  it('never fails otherwise than by an Error', () => {
    fc.assert(
      fc.property(fc.string(), text => {
        try {
          new RegExp(templateRegex(parseTemplate(`/${text}`)))
        } catch (cause) {
          expect(cause).toBeInstanceOf(Error)
          expect(cause).not.toBeInstanceOf(SyntaxError)
        }
      }),
    )
  })
})
