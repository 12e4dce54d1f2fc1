/** The cookie that keeps a browser's refresh token out of reach of its scripts. */
import type { Call } from '@site11/runtime/call.ts'
import { permissionDenied } from '@site11/runtime/errors.ts'

const name = 'site11_refresh'

export interface CookieRules {
  /** Over https only. */
  secure: boolean
  /** The origins whose pages may use the cookie. */
  origins: string[]
}

/** @returns the refresh token in the cookie, or undefined. */
export function cookieOf({ metadata }: Call): string | undefined {
  for (const header of metadata.get('cookie')) {
    for (const pair of String(header).split(';')) {
      const at = pair.indexOf('=')
      if (pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim() || undefined
    }
  }
  return undefined
}

/** @param seconds how long the browser keeps it; 0 removes it. */
export function setCookie(call: Call, token: string, seconds: number, { secure }: CookieRules): void {
  const attributes = [
    'HttpOnly',
    'SameSite=Strict',
    'Path=/',
    `Max-Age=${Math.floor(seconds)}`,
    ...(secure ? ['Secure'] : []),
  ]
  call.setHeader('set-cookie', [`${name}=${token}`, ...attributes].join('; '))
}

/**
 * Refuses pages of other origins: a browser sends the cookie whoever's page asks for it.
 * @throws ServiceError PERMISSION_DENIED
 */
export function requireOwnOrigin({ metadata }: Call, { origins }: CookieRules): void {
  const origin = metadata.get('origin')[0]
  if (origin === undefined || origins.includes(String(origin))) return
  throw permissionDenied(
    'CALLER_NOT_ALLOWED',
    'Pages of this origin may not use the session cookie. An operator allows origins with SITE11_CORS_ORIGINS.',
  )
}
