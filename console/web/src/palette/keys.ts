/** The keyboard map. Letters are told by the key where it is a Latin one, else by its place: they work while Korean is typed. Pure. */

/** `g`, then the letter. */
export const goTo: Readonly<Record<string, string>> = {
  o: '/',
  t: '/topology',
  s: '/services',
  g: '/gateway',
  e: '/explorer',
  v: '/events',
  i: '/statistics',
  u: '/users',
  a: '/activity',
  m: '/me',
}

type Stroke = Pick<KeyboardEvent, 'key' | 'code' | 'altKey' | 'ctrlKey' | 'metaKey' | 'shiftKey'>

/** @returns the letter, `/` or `?` that was pressed without Ctrl, Alt or Meta. */
export function plainKey({ key, code, altKey, ctrlKey, metaKey, shiftKey }: Stroke): string | undefined {
  if (altKey || ctrlKey || metaKey) return undefined
  if (key === '?' || key === '/') return key
  if (/^[a-z]$/.test(key)) return key
  // A capital letter is another key than the small one.
  if (/^[A-Z]$/.test(key)) return undefined
  if (/^Key[A-Z]$/.test(code) && !shiftKey && !/^[ -~]$/.test(key)) return code.slice(3).toLowerCase()
  return undefined
}

/** @returns whether it opens the palette: Ctrl K or Cmd K, whatever is typed. */
export const opensPalette = ({ code, key, altKey, ctrlKey, metaKey, shiftKey }: Stroke): boolean =>
  ctrlKey !== metaKey && !altKey && !shiftKey && (key.toLowerCase() === 'k' || code === 'KeyK')

/** What is written into. */
export function isField(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)
}

/** How the palette's key is written on this system. */
export const paletteKeys = (platform: string) => (/mac|iphone|ipad/i.test(platform) ? '⌘K' : 'Ctrl K')
