/** @returns where to go after signing in: a path of this site, whatever the address bar said. */
export function safeTarget(target: string): string {
  const base = 'http://site'
  try {
    const url = new URL(target, base)
    return target.startsWith('/') && url.origin === base ? url.pathname + url.search + url.hash : '/'
  } catch {
    return '/'
  }
}
